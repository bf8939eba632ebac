"""What a teacher asks of a network, on vectors whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stser_core.emotions import LABELS, index
from stser_core.errors import DataError, UsageError
from stser_core.smodel import Hearing, SpeechSettings
from stser_core.training.clip import Clip
from stser_core.training.learner import Pupil, at_steps
from stser_core.training.lessons import Teaching, lessons
from stser_core.training.members.cache import EncodingCache
from stser_core.training.run import Data, fit
from stser_core.training.settings import Recipe

FRAMES = 8
FEW = Teaching(directions=8, moment_directions=8)


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return [
        Clip(f"{speaker}-{number}", Path("x.wav"), None, label, str(speaker), None, None, None, "one", None)
        for speaker in range(8)
        for number, label in enumerate(LABELS * 8)
    ]


@pytest.fixture(scope="module")
def frames(clips: list[Clip]) -> list[np.ndarray]:
    """Each label a direction of its own, under noise."""
    dice = np.random.default_rng(0)
    centres = 3 * dice.standard_normal((len(LABELS), 32))
    return [(centres[index(clip.label)] + dice.standard_normal((FRAMES, 32))).astype(np.float16) for clip in clips]


def test_the_advice_is_a_head_s_on_speakers_that_it_never_heard(frames: list[np.ndarray], clips: list[Clip]) -> None:
    made = lessons(frames, clips, FEW)
    advice = np.stack([lesson.probabilities for lesson in made])
    truth = np.array([index(clip.label) for clip in clips])
    np.testing.assert_allclose(advice.sum(axis=1), 1, atol=1e-5)
    assert (advice.argmax(axis=1) == truth).mean() > 0.95


def test_a_speaker_whose_labels_are_wrong_does_not_teach_itself(frames: list[np.ndarray], clips: list[Clip]) -> None:
    wrong = {"angry": "sad", "sad": "angry", "happy": "neutral", "neutral": "happy"}
    lied = [replace(clip, label=wrong[clip.label]) if clip.speaker == "3" else clip for clip in clips]
    advice = np.stack([lesson.probabilities for lesson in lessons(frames, lied, FEW)])
    of_three = [position for position, clip in enumerate(clips) if clip.speaker == "3"]
    truth = np.array([index(clips[position].label) for position in of_three])
    assert (advice[of_three].argmax(axis=1) == truth).mean() > 0.9


def test_what_a_teacher_cannot_teach_is_said(frames: list[np.ndarray], clips: list[Clip]) -> None:
    with pytest.raises(UsageError, match=r"teaching.directions must be 1 or more, at most 64; it is 128"):
        lessons(frames, clips, Teaching(moment_directions=8))
    lone = [replace(clip, speaker="0") for clip in clips]
    with pytest.raises(DataError, match="A teacher takes two training speakers or more"):
        lessons(frames, lone, FEW)
    few = [replace(clip, speaker=str(int(clip.speaker) % 3)) for clip in clips]
    assert len(lessons(frames, few, FEW)) == len(clips)


@pytest.mark.parametrize(("what", "exact"), [("vector", 1e-2), ("moments", 0.2)])  # these from a part of the frames
def test_directions_keep_what_the_encodings_differ_in(
    frames: list[np.ndarray], clips: list[Clip], what: str, exact: float
) -> None:
    made = lessons(frames, clips, Teaching(directions=32, moment_directions=32))
    told = np.concatenate([np.atleast_2d(getattr(lesson, what)) for lesson in made]).astype(np.float32)
    assert told.shape == (len(clips) * (1 if what == "vector" else FRAMES), 32)
    np.testing.assert_allclose(told.mean(axis=0), 0, atol=exact)
    spreads = told.var(axis=0)
    assert (np.diff(spreads) <= exact).all()  # the largest first
    assert spreads.mean() == pytest.approx(1, abs=exact)
    between = np.corrcoef(told.T)
    np.testing.assert_allclose(between, np.eye(32), atol=exact)


def test_frames_are_put_onto_a_network_s_own_steps() -> None:
    ramp = torch.arange(8.0).repeat(3, 1)[:, :, None]
    at = at_steps(ramp, torch.tensor([8, 8, 4]), torch.tensor([4, 8, 8]), 8)[:, :, 0]
    torch.testing.assert_close(at[0, :4], torch.tensor([0.5, 2.5, 4.5, 6.5]))  # the middle of two frames each
    torch.testing.assert_close(at[1], ramp[1, :, 0])
    torch.testing.assert_close(at[2], torch.tensor([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]))


def test_what_lies_behind_an_utterance_s_end_teaches_nothing() -> None:
    pupil = Pupil(SpeechSettings(blocks=(), lstm_units=2), Teaching(directions=3, moment_directions=5))
    steps, moments = torch.tensor([6, 3]), torch.randn(2, 4, 5)
    hearing = Hearing(torch.randn(2, 4), torch.randn(2, 6, 4), steps, None)
    longer = hearing._replace(sequence=torch.cat([hearing.sequence, torch.full((2, 3, 4), 1e3)], dim=1))
    asked = torch.randn(2, 3), moments, torch.tensor([4, 2])
    beyond = torch.randn(2, 3), torch.cat([moments[:, :2], moments[:, 2:] + 9], dim=1), torch.tensor([2, 2])
    torch.testing.assert_close(pupil(longer, *asked), pupil(hearing, *asked))
    torch.testing.assert_close(pupil(hearing, *beyond), pupil(hearing, beyond[0], moments, beyond[2]))


class Loudness:
    """An encoder that hears how loud and how long a sound is, and little else."""

    name = key = "loudness"

    def frames(self, samples: np.ndarray) -> np.ndarray:
        return np.array([[np.abs(part).mean(), part.std(), 1.0] for part in np.array_split(samples, 9)], np.float32)


def test_a_run_with_a_teacher_learns_something_else(sample: Data, speech_recipe: Recipe, tmp_path: Path) -> None:
    recipe = replace(speech_recipe, epochs=1, teaching=Teaching(directions=2, moment_directions=2))
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
    text = replace(text, teaching=Teaching(directions=2, moment_directions=2))
    with pytest.raises(UsageError, match="leave --teacher out"):
        fit(sample, text, tmp_path / "run", tmp_path, teacher=EncodingCache(Loudness(), tmp_path))
