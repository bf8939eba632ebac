"""Clips whose answer can be learnt: tones whose pitch, and sentences whose words, belong to the emotion."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from iemocap_sample import tone
from making import clip, write_wav

from stser_core.emotions import LABELS
from stser_core.training.baselines.baseline import targets
from stser_core.training.caches import SoundCache
from stser_core.training.splits import Fold

TELLING = {
    "angry": ("stop", "hate"),
    "happy": ("wonderful", "love"),
    "neutral": ("office", "forms"),
    "sad": ("miss", "alone"),
}
IDLE = ("well", "you", "know", "it", "is", "so")
TAKES = 4


@dataclass(frozen=True)
class Play:
    """A fold of three speakers to train on, one to validate with and one to test; and where their sound lies."""

    fold: Fold
    sounds: SoundCache
    cache: Path

    def accuracy(self, answers: np.ndarray) -> float:
        return float((answers.argmax(axis=1) == targets(self.fold.test)).mean())


def play(folder: Path, *, speech_tells: bool = True, words_tell: bool = True) -> Play:
    rng = random.Random(1)

    def clip_of(speaker: str, label: str, take: int):
        path = folder / f"{speaker}-{label}-{take}.wav"
        write_wav(path, tone(label if speech_tells else "other", "M", rng))
        words = [rng.choice(IDLE), rng.choice(TELLING[label] if words_tell else IDLE), rng.choice(IDLE)]
        text = " ".join(words).capitalize() + "."
        return clip(path.stem, path=path, text=text, label=label, speaker=speaker, corpus="stage")

    parts = [
        tuple(clip_of(speaker, label, take) for speaker in who for label in LABELS for take in range(TAKES))
        for who in ("abc", "d", "e")
    ]
    return Play(Fold("one", *parts), SoundCache([clip for part in parts for clip in part], folder), folder)


@pytest.fixture(scope="session")
def told_by_sound(tmp_path_factory) -> Play:
    return play(tmp_path_factory.mktemp("sound"), words_tell=False)


@pytest.fixture(scope="session")
def told_by_text(tmp_path_factory) -> Play:
    return play(tmp_path_factory.mktemp("text"), speech_tells=False)
