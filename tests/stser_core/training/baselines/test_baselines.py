"""Every baseline learns what can be learnt, says nothing where it cannot answer, and answers alike under one seed."""

from dataclasses import replace

import numpy as np
import pytest

from stser_core.emotions import LABELS
from stser_core.errors import DataError, MissingExtraError, OutputError, UsageError
from stser_core.training.baselines import BASELINES, baseline_of
from stser_core.training.loop import LoopConfig
from stser_core.training.splits import Fold

pytestmark = pytest.mark.slow

QUICK = LoopConfig(epochs=15, patience=8, learning_rate=1e-2)
CLEARLY = 0.7
READS = {"egemaps": "sound", "tfidf": "text", "mdre": "both", "att-align": "both"}
NETWORKS = ("mdre", "att-align")


def quick(name):
    """The baseline, small enough for a test where it is a network."""
    made = baseline_of(name)
    return replace(made, units=16, embedding=8, dropout=0.0, batch=8, loop=QUICK) if name in NETWORKS else made


def answer(name, play, fold=None, seed=0):
    return quick(name).answer(fold or play.fold, play.sounds, play.cache, seed)


def without(fold, part, **missing):
    """The fold with something missing from the first clip of a part."""
    first, *others = getattr(fold, part)
    return replace(fold, **{part: (replace(first, **missing), *others)})


@pytest.fixture(scope="module")
def told_by_words(stage):
    return stage(speech_tells=False)


@pytest.fixture(scope="module")
def told_by_speech(stage):
    return stage(words_tell=False)


def test_the_table_knows_them_by_these_names():
    assert {key: baseline_of(key).name for key in BASELINES} == {
        "egemaps": "eGeMAPS + SVM",
        "tfidf": "TF-IDF + logistic regression",
        "mdre": "MDRE-like",
        "att-align": "Att-align-like",
    }
    assert baseline_of("MDRE") == baseline_of("mdre")


def test_an_unknown_baseline_is_refused_with_those_that_exist():
    with pytest.raises(UsageError, match=r"Unknown baseline 'svm'; choose from egemaps, tfidf, mdre, att-align"):
        baseline_of("svm")


@pytest.mark.parametrize("name", BASELINES)
def test_it_learns_and_the_same_seed_answers_the_same(name, told_by_both):
    answers = answer(name, told_by_both)

    assert answers.shape == (len(told_by_both.fold.test), len(LABELS))
    assert answers.dtype == np.float32
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    assert told_by_both.accuracy(answers) >= CLEARLY
    np.testing.assert_array_equal(answers, answer(name, told_by_both))


@pytest.mark.parametrize("name", NETWORKS)
def test_another_seed_is_another_network(name, told_by_both):
    assert not np.array_equal(answer(name, told_by_both), answer(name, told_by_both, seed=1))


@pytest.mark.parametrize("name", [name for name, reads in READS.items() if reads != "sound"])
def test_words_alone_can_tell(name, told_by_words):
    assert told_by_words.accuracy(answer(name, told_by_words)) >= CLEARLY


@pytest.mark.parametrize("name", [name for name, reads in READS.items() if reads != "text"])
def test_speech_alone_can_tell(name, told_by_speech):
    assert told_by_speech.accuracy(answer(name, told_by_speech)) >= CLEARLY


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("missing", ["text", "path"])
def test_a_clip_that_it_cannot_answer_gets_no_answer(name, missing, told_by_both):
    fold = without(told_by_both.fold, "test", **{missing: None})
    blind = READS[name] in ("both", {"text": "text", "path": "sound"}[missing])

    answers = answer(name, told_by_both, fold)

    assert np.isnan(answers[0]).all() == blind
    assert np.isfinite(answers[1:]).all()


def test_a_text_without_a_word_is_no_text(told_by_both):
    fold = without(told_by_both.fold, "test", text="[LAUGHTER]")

    assert np.isnan(answer("tfidf", told_by_both, fold)[0]).all()


@pytest.mark.parametrize("name", BASELINES)
def test_a_clip_that_it_cannot_answer_teaches_it_nothing(name, told_by_both):
    """A clip with the wrong label, but without what the baseline reads, is as good as none."""
    fold, lacking = told_by_both.fold, "path" if READS[name] == "sound" else "text"
    nothing = replace(fold.train[0], id="stage/nothing", label="sad", **{"path": None, lacking: None})

    taught = answer(name, told_by_both, replace(fold, train=(*fold.train, nothing)))

    np.testing.assert_array_equal(taught, answer(name, told_by_both))


@pytest.mark.parametrize("name", BASELINES)
def test_the_test_part_is_not_learnt_from(name, told_by_both):
    fold = told_by_both.fold
    shifted = {label: LABELS[(LABELS.index(label) + 1) % len(LABELS)] for label in LABELS}
    lied = replace(fold, test=tuple(replace(clip, label=shifted[clip.label]) for clip in fold.test))

    np.testing.assert_array_equal(answer(name, told_by_both, lied), answer(name, told_by_both))


@pytest.mark.parametrize("name", [name for name, reads in READS.items() if reads != "sound"])
def test_nothing_to_learn_from_is_an_error(name, told_by_both):
    fold = told_by_both.fold
    silent = replace(fold, train=tuple(replace(clip, text=None) for clip in fold.train))

    with pytest.raises(DataError, match=r"cannot be trained in fold one: .* text, and none of 72 has that"):
        answer(name, told_by_both, silent)


@pytest.mark.parametrize("name", BASELINES)
def test_one_label_alone_is_an_error(name, told_by_both):
    fold = told_by_both.fold
    sad = replace(fold, train=tuple(clip for clip in fold.train if clip.label == "sad"))

    with pytest.raises(DataError, match="all 18 of them are sad"):
        answer(name, told_by_both, sad)


@pytest.mark.parametrize("name", BASELINES)
def test_a_label_that_was_never_heard_is_never_answered(name, told_by_both):
    fold = told_by_both.fold
    parts = {
        part: tuple(clip for clip in getattr(fold, part) if clip.label != "angry") for part in ("train", "validation")
    }

    answers = answer(name, told_by_both, replace(fold, **parts))

    assert (answers.argmax(axis=1) != LABELS.index("angry")).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_needs_something_to_stop_by(name, told_by_both):
    fold = told_by_both.fold
    blind = replace(fold, validation=tuple(replace(clip, text=None) for clip in fold.validation))

    with pytest.raises(DataError, match="no validation clip with sound and text"):
        answer(name, told_by_both, blind)


@pytest.mark.parametrize("name", BASELINES)
def test_a_fold_without_test_clips_gets_no_answers(name, told_by_both):
    fold = told_by_both.fold

    empty = Fold("one", fold.train, fold.validation, ())

    assert answer(name, told_by_both, empty).shape == (0, len(LABELS))


@pytest.mark.parametrize("name", ["egemaps", "mdre"])
def test_a_missing_extra_is_named(name, told_by_both, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opensmile", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'stser-monitor\[baselines\]'"):
        answer(name, told_by_both)


@pytest.mark.parametrize("name", ["egemaps", "att-align"])
def test_a_cache_that_cannot_be_written_is_named(name, told_by_both, tmp_path):
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(OutputError, match=str(file)):
        quick(name).answer(told_by_both.fold, told_by_both.sounds, file, 0)
