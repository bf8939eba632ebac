"""Speech with known times: clips of a few seconds, cut where their sound begins and ends, with pauses between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.plan import RECORDINGS
from monitor.flow import SAMPLE_RATE
from stser_core import audio
from stser_core.config import FeatureConfig
from stser_core.features import trim
from stser_core.training.augmentation import telephone_band

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_LEVEL = 0.05
_QUIET = 10 ** (-60 / 20)
_EXACT = FeatureConfig(trim_db=35.0, margin_ms=0.0)


@dataclass(frozen=True, eq=False)
class Scene:
    """Sound, and where in it somebody speaks.

    Attributes:
        samples: float32 [n] in −1…1, 16 kHz.
        spans: Start and end of each stretch of speech, in samples.
    """

    samples: NDArray[np.float32]
    spans: tuple[tuple[int, int], ...]

    @property
    def speech(self) -> NDArray[np.bool_]:
        """Whether somebody speaks: bool [n]."""
        return covered(self.spans, len(self.samples))


def clips() -> list[Path]:
    """The recordings of single sentences that ship with the tests."""
    return [*sorted((RECORDINGS / "emodb").glob("*.flac")), RECORDINGS / "calls" / "weather_16k_mulaw.wav"]


def build(rounds: int, *, snr_db: float | None = None, telephone: bool = False) -> Scene:
    """Each clip so many times, in an order and with pauses and levels that are the same each time it is built.

    Args:
        rounds: How often each clip comes.
        snr_db: Power of the speech over that of a white noise that is added to all; without it, there is as good as
            none (60 dB below full scale).
        telephone: Whether all of it goes through a simulated telephone line.
    """
    sounds = [_cut(path) for path in clips()]
    chance = np.random.default_rng(0)
    pieces: list[NDArray[np.float32]] = [_pause(chance)]
    spans = []
    for number in np.concatenate([chance.permutation(len(sounds)) for _ in range(rounds)]):
        start = sum(map(len, pieces))
        loudness = 10 ** (chance.uniform(-9, 3) / 20)
        pieces += [np.float32(loudness) * sounds[number], _pause(chance)]
        spans.append((start, start + len(sounds[number])))
    samples = np.concatenate(pieces)
    noise = _QUIET if snr_db is None else _LEVEL * 10 ** (-snr_db / 20)
    samples = samples + chance.normal(0, noise, len(samples)).astype(np.float32)
    if telephone:
        samples = telephone_band(torch.from_numpy(samples)).numpy()
    return Scene(np.clip(samples, -1, 1), tuple(spans))


def covered(spans: Sequence[tuple[int, int]], length: int) -> NDArray[np.bool_]:
    """Whether a place lies in one of the spans: bool [length]."""
    inside = np.zeros(length, dtype=np.bool_)
    for start, end in spans:
        inside[start:end] = True
    return inside


def _cut(path: Path) -> NDArray[np.float32]:
    """A clip from its first to its last sound, at one level."""
    samples, _ = trim(audio.load_mono(path), _EXACT)
    level: NDArray[np.float32] = samples * np.float32(_LEVEL / np.sqrt(np.square(samples).mean()))
    return level


def _pause(chance: np.random.Generator) -> NDArray[np.float32]:
    return np.zeros(round(chance.uniform(0.8, 2.5) * SAMPLE_RATE), dtype=np.float32)
