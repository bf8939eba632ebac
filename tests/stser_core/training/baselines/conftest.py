"""Clips whose answer can be learnt: tones whose pitch, and sentences whose words, belong to the emotion."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from stser_core.emotions import LABELS
from stser_core.training.baselines.baseline import targets
from stser_core.training.caches import SoundCache
from stser_core.training.clip import Clip
from stser_core.training.splits import Fold

sys.path.insert(0, str(Path(__file__).parent.parent))
from iemocap_sample import tone
from making import clip, write_wav

TELLING = {
    "angry": ("stop", "hate"),
    "happy": ("wonderful", "love"),
    "neutral": ("office", "forms"),
    "sad": ("miss", "alone"),
}
IDLE = ("well", "you", "know", "it", "is", "so")
TAKES = 6


@dataclass(frozen=True)
class Play:
    """A fold of clips, and where their sound lies."""

    fold: Fold
    sounds: SoundCache
    cache: Path

    def accuracy(self, answers: np.ndarray) -> float:
        return float((answers.argmax(axis=1) == targets(self.fold.test)).mean())


@pytest.fixture(scope="session")
def stage(tmp_path_factory) -> Callable[..., Play]:
    """Make a fold of three speakers to train on, one to validate with and one to test."""

    def build(**kinds: bool) -> Play:
        return play(tmp_path_factory.mktemp("stage"), **kinds)

    return build


@pytest.fixture(scope="session")
def told_by_both(stage) -> Play:
    return stage()


def play(folder: Path, *, speech_tells: bool = True, words_tell: bool = True) -> Play:
    rng = random.Random(1)
    parts = [
        tuple(_clip(folder, *one, speech_tells, words_tell, rng) for one in _cast(who)) for who in ("abc", "d", "e")
    ]
    fold = Fold("one", *parts)
    return Play(fold, SoundCache([clip for part in parts for clip in part], folder), folder)


def _cast(speakers: str) -> list[tuple[str, str, int]]:
    return [(speaker, label, take) for speaker in speakers for label in LABELS for take in range(TAKES)]


def _clip(
    folder: Path, speaker: str, label: str, take: int, speech_tells: bool, words_tell: bool, rng: random.Random
) -> Clip:
    name = f"{speaker}-{label}-{take}"
    words = [rng.choice(IDLE), rng.choice(TELLING[label]) if words_tell else rng.choice(IDLE), rng.choice(IDLE)]
    path = folder / f"{name}.wav"
    write_wav(path, tone(label if speech_tells else "other", "M", rng))
    text = " ".join(words).capitalize() + "."
    return clip(name, path=path, text=text, label=label, speaker=speaker, corpus="stage")
