"""Clips, recordings and recipes for tests."""

import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from stser_core.emotions import LABELS
from stser_core.training.clip import Clip
from stser_core.training.recipe import Recipe

SAMPLE_RATE = 16_000


def clip(number: object, speaker: str = "anna", label: str = "sad", corpus: str = "c", **given: Any) -> Clip:
    """A clip with a recording and without words, except for what is given."""
    plain = {"id": f"{corpus}/{number}", "path": Path(f"/{corpus}/{number}.wav"), "text": None}
    return Clip(**plain | given, speaker=speaker, label=label, corpus=corpus)


def looped(recipe: Recipe, **changes: object) -> Recipe:
    """A recipe with another loop."""
    return replace(recipe, loop=replace(recipe.loop, **changes))


def write_wav(path: Path, samples: np.ndarray, rate: int = SAMPLE_RATE) -> None:
    """Write 16-bit samples, or float ones in −1…1, [n] or [channels, n]."""
    if samples.dtype != np.int16:
        samples = (np.clip(samples, -1, 1) * 32_767).astype(np.int16)
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(np.atleast_2d(samples)))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(np.atleast_2d(samples).T, dtype="<i2").tobytes())


def believed(label: str, confidence: float = 0.85) -> tuple[float, ...]:
    """Probabilities of somebody who takes this label for the most probable."""
    return tuple(confidence if one == label else (1 - confidence) / 3 for one in LABELS)


class Frames:
    """Stands for the frame cache: the level of each recording, which follows from its path."""

    def __init__(self, level_of: Callable[[Path], float]) -> None:
        self._level_of = level_of

    def prepare(self, *_: object) -> None:
        """Nothing to do."""

    def frames(self, clip: Clip, version: str) -> np.ndarray:
        return np.full((2, 4), self._level_of(clip.path), dtype=np.float16)
