"""What a teacher asks of a network, on vectors whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stser_core.emotions import LABELS, index
from stser_core.errors import UsageError
from stser_core.training.clip import Clip
from stser_core.training.lessons import Teaching, lessons
from stser_core.training.members.cache import EncodingCache
from stser_core.training.run import Data, fit
from stser_core.training.settings import Recipe


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return [
        Clip(f"{speaker}-{number}", Path("x.wav"), None, label, str(speaker), None, None, None, "one", None)
        for speaker in range(8)
        for number, label in enumerate(LABELS * 8)
    ]


@pytest.fixture(scope="module")
def vectors(clips: list[Clip]) -> np.ndarray:
    """Each label a direction of its own, under noise."""
    dice = np.random.default_rng(0)
    centres = 3 * dice.standard_normal((len(LABELS), 32))
    rows = np.stack([centres[index(clip.label)] + dice.standard_normal(32) for clip in clips])
    return rows.astype(np.float32)


def test_the_advice_is_a_head_s_on_speakers_that_it_never_heard(vectors: np.ndarray, clips: list[Clip]) -> None:
    made = lessons(vectors, clips, Teaching(directions=8))
    advice = np.stack([lesson.probabilities for lesson in made])
    truth = np.array([index(clip.label) for clip in clips])
    np.testing.assert_allclose(advice.sum(axis=1), 1, atol=1e-5)
    assert (advice.argmax(axis=1) == truth).mean() > 0.95


def test_a_speaker_whose_labels_are_wrong_does_not_teach_itself(vectors: np.ndarray, clips: list[Clip]) -> None:
    wrong = {"angry": "sad", "sad": "angry", "happy": "neutral", "neutral": "happy"}
    lied = [replace(clip, label=wrong[clip.label]) if clip.speaker == "3" else clip for clip in clips]
    advice = np.stack([lesson.probabilities for lesson in lessons(vectors, lied, Teaching())])
    of_three = [position for position, clip in enumerate(clips) if clip.speaker == "3"]
    truth = np.array([index(clips[position].label) for position in of_three])
    assert (advice[of_three].argmax(axis=1) == truth).mean() > 0.9


def test_directions_keep_what_the_vectors_differ_in(vectors: np.ndarray, clips: list[Clip]) -> None:
    told = np.stack([lesson.vector for lesson in lessons(vectors, clips, Teaching(directions=32))])
    assert told.shape == (len(clips), 32)
    np.testing.assert_allclose(told.mean(axis=0), 0, atol=1e-4)
    spreads = told.var(axis=0)
    assert (np.diff(spreads) <= 1e-4).all()  # the largest first
    assert spreads.mean() == pytest.approx(1, abs=0.01)
    between = np.corrcoef(told.T)
    np.testing.assert_allclose(between, np.eye(32), atol=1e-2)


class Loudness:
    """An encoder that hears how loud and how long a sound is, and little else."""

    name = key = "loudness"

    def encode(self, samples: np.ndarray) -> np.ndarray:
        return np.array([len(samples), np.abs(samples).mean(), samples.std(), 1.0], dtype=np.float32)


def test_a_run_with_a_teacher_learns_something_else(sample: Data, speech_recipe: Recipe, tmp_path: Path) -> None:
    recipe = replace(speech_recipe, epochs=1, teaching=Teaching(directions=2))
    teacher = EncodingCache(Loudness(), tmp_path)
    alone = fit(sample, recipe, tmp_path / "alone", tmp_path)
    taught = fit(sample, replace(recipe, teacher="loudness"), tmp_path / "taught", tmp_path, teacher=teacher)
    one, other = ((folder / "model.safetensors").read_bytes() for folder in (alone, taught))
    assert len(one) == len(other)  # what told the teacher's directions is not kept
    assert one != other


def test_a_teacher_that_is_not_there_is_asked_for(sample: Data, speech_recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="teacher is whisper-base: give it with --teacher"):
        fit(sample, replace(speech_recipe, teacher="whisper-base"), tmp_path / "run", tmp_path)


def test_only_what_hears_can_be_taught(sample: Data, recipe: Recipe, tmp_path: Path) -> None:
    text = replace(recipe, model=replace(recipe.model, classifiers=("text",)), teacher="loudness", epochs=1)
    with pytest.raises(UsageError, match="leave --teacher out"):
        fit(sample, text, tmp_path / "run", tmp_path, teacher=EncodingCache(Loudness(), tmp_path))
