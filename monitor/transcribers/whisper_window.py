"""Whisper's window: an utterance is encoded once, in a window as short as it may be.

Whisper (Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022) was trained on windows of
30 s, and its usual programs pad every utterance to that. An utterance is mostly 2 to 5 s long, so that nine tenths of
the work go into silence. Its encoder takes a shorter window as well, but a decoder that finds no silence after the
last word runs on and repeats itself. So this is the rule: **the window is the shortest of 10, 20 and 30 s that leaves
at least one second free**, and what is free is filled with the quietest value of the utterance's own spectrogram, as
if silence followed. docs/recognisers.md has the figures behind it.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from monitor.transcribers.whisper_models import is_model
from stser_core.errors import MissingExtraError, TranscriberError

if TYPE_CHECKING:
    from numpy.typing import NDArray

try:
    from ctranslate2 import StorageView
    from faster_whisper import WhisperModel
except ImportError as error:
    raise MissingExtraError("Whisper", "whisper") from error

SAMPLE_RATE = 16_000
STEP = 320
"""Samples behind one frame of the encoder's output: 20 ms."""
LONGEST = 29 * SAMPLE_RATE
"""Samples that one window holds at most; what is longer is encoded piece by piece."""

_WINDOWS_S = (10, 20, 30)
_FREE_S = 1
_LOG_MEL_PER_STEP = 2
_LOG_MEL_RANGE = 2.0
"""How far Whisper's spectrogram reaches below its own peak: 80 dB, in its unit of 40 dB."""
_FEWEST_SAMPLES = 1_600
_FLOOR = -1.5
"""The value of digital silence in Whisper's spectrogram."""


def window_steps(samples: int) -> int:
    """The length of the encoder's window for an utterance: the rule above.

    Args:
        samples: Of the utterance, 16 kHz, at most `LONGEST`.

    Returns:
        Frames of the encoder's output, 50 a second.
    """
    needed_s = samples / SAMPLE_RATE + _FREE_S
    return next(window for window in _WINDOWS_S if needed_s <= window) * SAMPLE_RATE // STEP


def own_steps(samples: int) -> int:
    """How many of the encoder's frames belong to an utterance itself, at least one."""
    return max(1, -(-samples // STEP))


class OnePass(WhisperModel):  # type: ignore[misc]  # it has no types
    """A Whisper model whose encoder sees an utterance once, in a short window.

    `WhisperModel.transcribe` calls `encode` for the language and again for the words, each time with the spectrogram
    padded to 30 s. Here the first call decides, and the others get its result. An object serves one utterance;
    `fresh` makes one that shares everything heavy, also between threads.
    """

    _samples = 0
    _encoded: StorageView | None = None

    def fresh(self, samples: int) -> OnePass:
        """The same model for an utterance of so many samples, at most `LONGEST`."""
        one = copy.copy(self)
        one._samples, one._encoded = samples, None
        return one

    def encode(self, features: NDArray[np.float32]) -> StorageView:
        """Encode the utterance's spectrogram, once.

        Args:
            features: float32 [bands, n], Whisper's log-mel spectrogram, with anything after the utterance's end.
        """
        if self._encoded is None:
            self._encoded = super().encode(in_window(features, self._samples))
        return self._encoded


def in_window(features: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """Cut a spectrogram to its utterance and put silence after it, up to the window's end.

    Args:
        features: float32 [bands, n]: Whisper's log-mel spectrogram, 100 frames a second.
        samples: Of the utterance.

    Returns:
        float32 [bands, window].
    """
    own = min(own_steps(samples) * _LOG_MEL_PER_STEP, features.shape[1])
    silence = max(float(features[:, :own].max()) - _LOG_MEL_RANGE, _FLOOR)
    padded = np.full((features.shape[0], window_steps(samples) * _LOG_MEL_PER_STEP), silence, dtype=np.float32)
    padded[:, :own] = features[:, :own]
    return padded


def load(folder: str | Path, *, device: str = "auto", workers: int = 1) -> OnePass:
    """Load a model: int8 on a CPU, 8-bit weights with 16-bit arithmetic on a GPU.

    Args:
        folder: A Whisper model in CTranslate2's format.
        device: `cpu`, `cuda`, or `auto` for a GPU where there is one.
        workers: How many utterances may be worked on at once, each by one thread. They share the weights.

    Raises:
        TranscriberError: The folder holds no such model, or it cannot be loaded.
    """
    if not is_model(Path(folder)):
        raise TranscriberError(f"{folder} is not a Whisper model (it needs model.bin, config.json and tokenizer.json).")
    try:
        return _loaded(str(folder), device, workers)
    except (RuntimeError, ValueError) as error:
        raise TranscriberError(f"The Whisper model in {folder} cannot be loaded: {error}.") from error


def _loaded(folder: str, device: str, workers: int) -> OnePass:
    from ctranslate2 import get_cuda_device_count

    if device == "auto":
        device = "cuda" if get_cuda_device_count() > 0 else "cpu"
    kind = "int8" if device == "cpu" else "int8_float16"
    return OnePass(folder, device=device, compute_type=kind, cpu_threads=1, num_workers=workers)


def audible(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Samples that are long enough for a spectrogram: what is shorter than 0.1 s gets silence after it."""
    missing = max(0, _FEWEST_SAMPLES - samples.size)
    return np.pad(samples, (0, missing)).astype(np.float32, copy=False)


def pieces(samples: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """An utterance in equal pieces that a window can hold: one, unless it is longer than `LONGEST`."""
    count = max(1, -(-samples.size // LONGEST))
    return np.array_split(samples, count)
