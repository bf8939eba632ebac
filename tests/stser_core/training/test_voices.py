"""Voices in training: whose vectors are drawn, and that classifiers learn to take off what voices add."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stser_core import checkpoint
from stser_core.adaptation import Voice
from stser_core.emotions import LABELS, index
from stser_core.members.heads import Head, HeadSettings
from stser_core.training.clip import Clip
from stser_core.training.learner import Learner
from stser_core.training.members.head_training import Examples, HeadRecipe, train_head
from stser_core.training.run import Data, build, fit
from stser_core.training.settings import Recipe
from stser_core.training.voices import VoiceBank, Voices


def clips(speakers: int, each: int) -> list[Clip]:
    return [
        Clip(f"{speaker}-{n}", Path("sound"), None, LABELS[n % 4], f"s{speaker}", None, None, None, "one", None)
        for speaker in range(speakers)
        for n in range(each)
    ]


def test_only_the_speakers_other_clips_are_drawn():
    said = clips(3, 4)
    vectors = torch.zeros(12, 12)
    vectors.fill_diagonal_(1.0)  # each clip has a place of its own, so that a mean tells who is in it
    voices = Voices(said)
    torch.manual_seed(0)
    for row in range(12):
        drawn = voices.shifts([row] * 50, vectors, torch.zeros(12)).sum(dim=0) > 0
        of_its_speaker = {one for one in range(12) if one // 4 == row // 4}
        assert set(drawn.nonzero().flatten().tolist()) == of_its_speaker - {row}


def test_now_and_then_nothing_is_known_of_a_voice():
    torch.manual_seed(0)
    drawn = Voices(clips(1, 40)).shifts([0] * 300, torch.ones(40, 2), torch.zeros(2))
    strength = drawn[:, 0]  # known / (known + 1)
    assert 0.05 < (strength == 0).float().mean() < 0.4
    assert strength.max() > 0.95


def test_what_was_not_heard_yet_is_not_drawn():
    bank = VoiceBank(clips(2, 4), clips(1, 2), size=3)
    assert not bank.shifts(torch.tensor([0, 9]), torch.zeros(3)).any()

    bank.hear(torch.tensor([1, 2]), torch.ones(2, 3))
    bank.hear(torch.tensor([8]), torch.full((1, 3), 100.0))  # of the validation part

    torch.testing.assert_close(bank.usual, torch.ones(3))
    assert not bank.shifts(torch.tensor([4] * 20), torch.zeros(3)).any()  # of another speaker


def test_in_validation_a_voice_is_what_its_clips_before_were():
    said = clips(2, 5)
    bank = VoiceBank(clips(1, 4), said, size=10)
    rows = torch.arange(4, 14)
    bank.hear(rows, torch.eye(10))

    shifts = bank.shifts_in_turn(rows, torch.zeros(10))

    for speaker in (slice(0, 5), slice(5, 10)):
        own = shifts[speaker, speaker]
        known = (own > 0).sum(dim=1)
        assert sorted(known.tolist()) == [0, 1, 2, 3, 4]  # each hears one clip more than the one before it
        for row, count in zip(own, known.tolist(), strict=True):
            assert row.sum() == pytest.approx(count / (count + 1))
    assert shifts[0:5, 5:10].abs().sum() == shifts[5:10, 0:5].abs().sum() == 0
    torch.testing.assert_close(bank.shifts_in_turn(rows, torch.zeros(10)), shifts)


def test_texts_have_no_voice():
    texts = [replace(clip, path=None) for clip in clips(1, 4)]
    bank = VoiceBank(texts, (), size=3)
    bank.hear(torch.tensor([0, 1]), torch.ones(2, 3))
    assert not bank.there.any()


def vectors(said: list[Clip], seed: int) -> np.ndarray:
    """Each label adds 1 in its own direction, each speaker much more in a random one."""
    dice = np.random.default_rng(seed)
    voices = {speaker: 4 * dice.standard_normal(8) for speaker in sorted({clip.speaker for clip in said})}
    own = np.array([2 * np.eye(8)[index(clip.label)] + voices[clip.speaker] for clip in said])
    return (own + 0.3 * dice.standard_normal(own.shape)).astype(np.float32)


def right(head: Head, said: list[Clip], heard: np.ndarray, *, known: bool) -> float:
    voices = {clip.speaker: Voice() if known else None for clip in said}
    dice = np.random.default_rng(1)
    order = dice.permutation(len(said))
    got = head.adapted(torch.from_numpy(heard[order]), [voices[said[row].speaker] for row in order], "it")
    with torch.inference_mode():
        answers = head(got).argmax(dim=1).tolist()
    return float(np.mean([LABELS[answer] == said[row].label for answer, row in zip(answers, order, strict=True)]))


def test_a_head_learns_to_do_without_the_voice():
    """Of speakers that it never heard it knows next to nothing, until it has heard some of what they say."""
    train, test = clips(30, 16), clips(12, 40)
    examples = Examples.of(vectors(train, 0)[None], train, 0.0)
    shape = HeadSettings(hidden=64, dropout=0.1, speaker_adaptation=True)

    head = train_head(examples, HeadRecipe(shape, epochs=60, batch=32, learning_rate=5e-3))

    new, known = (right(head, test, vectors(test, 5), known=how) for how in (False, True))
    assert known > 0.75
    assert known > new + 0.2


def test_a_run_learns_what_voices_usually_are(sample: Data, speech_recipe: Recipe, tmp_path: Path):
    adapting = replace(speech_recipe, model=replace(speech_recipe.model, speaker_adaptation=True))

    folder = fit(sample, adapting, tmp_path / "run", tmp_path / "cache")

    model = checkpoint.load(folder).model
    assert model.settings.speaker_adaptation
    assert model.usual_voice.abs().sum() > 0


def test_every_evaluation_hears_all_voices_first(sample: Data, speech_recipe: Recipe, tmp_path: Path):
    # With a learning rate of next to nothing, and no dropout to judge by, no epoch changes anything.
    model = replace(speech_recipe.model, speaker_adaptation=True)
    still = replace(speech_recipe, model=model, frozen=("smodel",), epochs=2, learning_rate=1e-12)

    folder = fit(sample, still, tmp_path / "run", tmp_path / "cache")

    history = json.loads((folder.parent / "history.json").read_text())
    first, second = (one["eval_loss"] for one in history if "eval_loss" in one)
    assert first == pytest.approx(second, rel=1e-6)


def test_a_learner_takes_off_what_was_heard_before(sample: Data, speech_recipe: Recipe):
    torch.manual_seed(0)
    settings = replace(speech_recipe.model, classifiers=("speech",), text=None, speaker_adaptation=True)
    model, _ = build(settings)
    bank = VoiceBank(sample.train, sample.validation, len(model.usual_voice))
    learner = Learner(model, {}, bank=bank).eval()
    batch = {
        "targets": torch.full((2, 3, 4), 0.25),
        "weights": torch.ones(2, 3),
        "spectrograms": torch.randn(2, 24, 64),
        "frames": torch.tensor([64, 50]),
    }
    rows = len(sample.train) + torch.tensor([0, 1])  # of the validation part
    validation = len(sample.train) + torch.arange(len(sample.validation))
    with torch.inference_mode():
        alone = learner(**batch)["speech"]
        nothing_known = learner(**batch, rows=rows)["speech"]
        assert bank.there.sum() == 2
        bank.hear(validation, torch.randn(len(validation), len(model.usual_voice)))
        adapted, again = (learner(**batch, rows=rows)["speech"] for _ in range(2))

    torch.testing.assert_close(nothing_known, alone)
    assert not torch.allclose(adapted, alone)
    torch.testing.assert_close(again, adapted, atol=0.05, rtol=0)  # nothing is drawn; their own vectors were heard


def test_a_stage_upon_a_trained_model_leaves_what_is_frozen(sample: Data, speech_recipe: Recipe, tmp_path: Path):
    first = fit(sample, speech_recipe, tmp_path / "first", tmp_path / "cache")
    model = replace(speech_recipe.model, speaker_adaptation=True)

    stage = replace(speech_recipe, model=model, frozen=("smodel",))
    second = fit(sample, stage, tmp_path / "second", tmp_path / "cache", starts=(first,))

    before, after = (checkpoint.load(folder).model for folder in (first, second))
    assert all(torch.equal(one, after.smodel.state_dict()[name]) for name, one in before.smodel.state_dict().items())
    assert after.usual_voice.abs().sum() > 0

    third = fit(
        sample,
        replace(stage, frozen=("smodel", "speech"), model=replace(model, classifiers=("speech", "text", "bimodal"))),
        tmp_path / "third",
        tmp_path / "cache",
        starts=(second,),
    )
    assert torch.equal(checkpoint.load(third).model.usual_voice, after.usual_voice)
