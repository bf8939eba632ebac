"""Every baseline learns what can be learnt, from what it reads alone, and answers alike under one seed."""

from dataclasses import replace

import numpy as np
import pytest

from stser_core.emotions import LABELS
from stser_core.errors import DataError, MissingExtraError, OutputError, UsageError
from stser_core.training.baselines import BASELINES, baseline_of
from stser_core.training.baselines.baseline import usable
from stser_core.training.loop import LoopConfig

QUICK = LoopConfig(epochs=15, patience=8, learning_rate=1e-2)
CLEARLY = 0.7
NETWORKS = ("mdre", "att-align")


def quick(name):
    """The baseline, small enough for a test where it is a network."""
    made = baseline_of(name)
    return replace(made, units=16, embedding=8, dropout=0.0, batch=8, loop=QUICK) if name in NETWORKS else made


def answer(name, play, fold=None, seed=0):
    baseline = quick(name)
    return baseline.answer(usable(fold or play.fold, baseline, play.sounds), play.sounds, play.cache, seed)


def test_an_unknown_baseline_is_refused_with_those_that_exist():
    assert baseline_of("MDRE") == baseline_of("mdre")
    with pytest.raises(UsageError, match=r"'svm'; choose from egemaps, tfidf, mdre, att-align"):
        baseline_of("svm")


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize(("missing", "value"), [("text", None), ("text", "[LAUGHTER]"), ("path", None)])
@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_a_clip_without_what_a_baseline_reads_is_left_out(name, missing, value, part, told_by_both):
    fold = told_by_both.fold
    first, *others = getattr(fold, part)
    lacking = replace(fold, **{part: (replace(first, **{missing: value}), *others)})
    reads = {"text": "text", "path": "sound"}[missing] in baseline_of(name).reads

    assert len(getattr(usable(lacking, baseline_of(name), told_by_both.sounds), part)) == len(others) + (not reads)


def test_fewer_than_two_labels_are_an_error(told_by_both):
    fold = told_by_both.fold
    silent = replace(fold, train=tuple(replace(clip, text=None) for clip in fold.train))
    sad = replace(fold, train=tuple(clip for clip in fold.train if clip.label == "sad"))

    for one, said in ((silent, "none of 72"), (sad, "all 18 of them are sad")):
        with pytest.raises(DataError, match=said):
            usable(one, baseline_of("tfidf"), told_by_both.sounds)


@pytest.mark.slow
@pytest.mark.parametrize("name", BASELINES)
def test_it_learns_from_the_training_part_and_the_same_seed_answers_the_same(name, told_by_both):
    fold = told_by_both.fold
    shifted = {label: LABELS[(LABELS.index(label) + 1) % len(LABELS)] for label in LABELS}
    lied = replace(fold, test=tuple(replace(clip, label=shifted[clip.label]) for clip in fold.test))

    answers = answer(name, told_by_both)

    assert answers.shape == (len(fold.test), len(LABELS))
    assert answers.dtype == np.float32
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    assert told_by_both.accuracy(answers) >= CLEARLY
    np.testing.assert_array_equal(answers, answer(name, told_by_both, lied))
    assert np.array_equal(answers, answer(name, told_by_both, seed=1)) == (name not in NETWORKS)


@pytest.mark.slow
@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("told_by", ["sound", "text"])
def test_one_of_what_it_reads_can_tell(name, told_by, stage):
    if told_by in baseline_of(name).reads:
        play = stage(words_tell=False) if told_by == "sound" else stage(speech_tells=False)
        assert play.accuracy(answer(name, play)) >= CLEARLY


@pytest.mark.slow
@pytest.mark.parametrize("name", BASELINES)
def test_a_label_that_was_never_learnt_is_never_answered(name, told_by_both):
    fold = told_by_both.fold
    parts = {
        part: tuple(clip for clip in getattr(fold, part) if clip.label != "angry") for part in ("train", "validation")
    }

    answers = answer(name, told_by_both, replace(fold, **parts))

    assert (answers.argmax(axis=1) != LABELS.index("angry")).all()


def test_a_network_needs_something_to_stop_by(told_by_both):
    fold = told_by_both.fold
    blind = replace(fold, validation=tuple(replace(clip, text=None) for clip in fold.validation))

    with pytest.raises(DataError, match="no validation clip with sound and text"):
        answer("mdre", told_by_both, blind)


@pytest.mark.parametrize("name", ["egemaps", "mdre"])
def test_a_missing_extra_is_named(name, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opensmile", None)

    with pytest.raises(MissingExtraError, match=r"\[baselines\]"):
        baseline_of(name)


@pytest.mark.parametrize("name", ["egemaps", "att-align"])
def test_a_cache_that_cannot_be_written_is_named(name, told_by_both, tmp_path):
    file = tmp_path / "file"
    file.touch()
    baseline = quick(name)

    with pytest.raises(OutputError, match=str(file)):
        baseline.answer(usable(told_by_both.fold, baseline, told_by_both.sounds), told_by_both.sounds, file, 0)
