"""Splits: no speaker is on two sides, no clip is lost or doubled."""

import re
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import clip as made_clip

from stser_core.emotions import LABELS
from stser_core.errors import DataError, UsageError
from stser_core.training.splits import (
    Fold,
    FoldPlan,
    HoldOut,
    divide,
    split_off,
    without_copies,
)


def clip(number, speaker="anna", label="sad", session=None, **given):
    return made_clip(number, speaker=speaker, label=label, session=session, **given)


def conversation(sessions=5, turns=12):
    """Clips like IEMOCAP's: two speakers a session, all labels."""
    return [
        clip(f"{session}{gender}{turn}", f"{session}{gender}", LABELS[turn % 4], f"Ses{session}")
        for session in range(1, sessions + 1)
        for gender in "FM"
        for turn in range(turns)
    ]


def speakers(clips):
    return {one.speaker for one in clips}


CLIPS = st.lists(st.tuples(st.integers(0, 11), st.sampled_from(LABELS)), min_size=1, max_size=80).map(
    lambda rows: [clip(number, f"speaker{who}", label) for number, (who, label) in enumerate(rows)]
)


def by_speaker(clips, count=5, validation=0.2):
    return FoldPlan("speakers", count, validation=validation).folds_of(clips)


@settings(max_examples=30)
@given(CLIPS, st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.integers(2, 6))
def test_grouped_folds_share_no_speaker_and_test_every_clip_once(clips, validation, count):
    try:
        folds = by_speaker(clips, count, validation)
    except DataError as error:
        # Only for want of speakers: fewer than folds, or too few left of them to hold one out.
        assert len(speakers(clips)) < count + 2
        assert re.search("held out|divided", str(error))
        return
    assert Counter(one.id for fold in folds for one in fold.test) == Counter(one.id for one in clips)
    for fold in folds:
        parts = fold.train + fold.validation + fold.test
        assert sorted(one.id for one in parts) == sorted(one.id for one in clips)
        assert not speakers(fold.test) & speakers(fold.train + fold.validation)
        if len(speakers(fold.train + fold.validation)) > 1:
            assert not speakers(fold.train) & speakers(fold.validation)


@settings(max_examples=15)
@given(CLIPS, st.randoms(use_true_random=False))
def test_folds_do_not_depend_on_the_order_of_the_clips(clips, rng):
    clips = clips + [clip(f"more{who}", f"more{who}") for who in range(4)]
    shuffled = rng.sample(clips, len(clips))
    for one, other in zip(by_speaker(clips, 3), by_speaker(shuffled, 3), strict=True):
        for part in ("train", "validation", "test"):
            assert set(getattr(one, part)) == set(getattr(other, part))


def test_grouped_folds_are_alike_in_size_and_labels():
    clips = [clip(f"{who}-{turn}", f"speaker{who}", LABELS[turn % 4]) for who in range(20) for turn in range(8)]
    for fold in by_speaker(clips):
        assert Counter(one.label for one in fold.test) == dict.fromkeys(LABELS, 8)
        assert len(fold.validation) == pytest.approx(0.2 * 128, abs=8)


@pytest.mark.slow
def test_tens_of_thousands_of_texts_are_dealt_evenly_and_quickly():
    texts = [clip(n, f"text{n}", LABELS[n % 4], path=None) for n in range(20_000)]
    started = time.process_time()
    folds = by_speaker(texts)
    _, held = split_off(texts, HoldOut(0.4))
    assert time.process_time() - started < 30
    assert {len(fold.test) for fold in folds} == {4000}
    assert {len(fold.validation) for fold in folds} == {3200}
    assert Counter(one.label for one in held) == dict.fromkeys(LABELS, 2_000)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 30), min_size=2, max_size=12), st.floats(0.02, 0.98), st.integers(0, 9))
def test_no_other_speaker_would_bring_the_proportion_nearer(sizes, proportion, seed):
    clips = [clip(f"{who}-{n}", f"s{who}", LABELS[n % 4]) for who, size in enumerate(sizes) for n in range(size)]
    _, held = split_off(clips, HoldOut(proportion, seed=seed))
    taken = speakers(held)
    for who, size in enumerate(sizes):
        left = len(taken) - 1 if f"s{who}" in taken else len(taken) + 1
        if 0 < left < len(sizes):
            other = len(held) + (-size if f"s{who}" in taken else size)
            assert abs(len(held) - proportion * len(clips)) <= abs(other - proportion * len(clips)) + 1e-6


UNLIKE = [clip(f"{who}-{n}", f"s{who}", LABELS[n % 4]) for who in range(8) for n in range(40 + who)]


@pytest.mark.parametrize("clips", [conversation(), UNLIKE], ids=["alike", "no two speakers alike"])
def test_another_seed_holds_others_out(clips):
    assert len({tuple(sorted(speakers(split_off(clips, HoldOut(seed=seed))[1]))) for seed in range(6)}) > 1


def test_leave_one_session_out_tests_each_session_once():
    folds = FoldPlan("session").folds_of(conversation())
    assert [fold.name for fold in folds] == ["Ses1", "Ses2", "Ses3", "Ses4", "Ses5"]
    for fold in folds:
        assert {one.session for one in fold.test} == {fold.name}
        assert len(speakers(fold.test)) == 2
        assert 1 <= len(speakers(fold.validation)) <= 2
        assert len(speakers(fold.train)) + len(speakers(fold.validation)) == 8


def test_clips_of_one_speaker_are_held_out_at_random_by_label():
    clips = [clip(turn, label=LABELS[turn % 4]) for turn in range(40)]
    train, held = split_off(clips, HoldOut())
    assert Counter(one.label for one in held) == dict.fromkeys(LABELS, 2)
    assert len(train) + len(held) == 40


def test_leave_one_corpus_out():
    clips = [clip(n, f"{corpus}_{n}", corpus=corpus) for corpus in ("a", "b", "c") for n in range(5)]
    folds = FoldPlan("corpus").folds_of(clips)
    assert [(fold.name, corpora(fold.test)) for fold in folds] == [(name, {name}) for name in "abc"]
    with pytest.raises(DataError, match="at least two; found a"):
        FoldPlan("corpus").folds_of([one for one in clips if one.corpus == "a"])


def test_cross_validation_goes_by_session_where_there_are_some_else_by_speaker():
    assert [fold.name for fold in FoldPlan().folds_of(conversation(3))] == ["Ses1", "Ses2", "Ses3"]
    without = [replace(one, session=None) for one in conversation(3)]
    assert [fold.name for fold in FoldPlan(folds=2).folds_of(without)] == ["fold1", "fold2"]


def test_a_speaker_in_two_sessions_or_corpora_is_named():
    clips = conversation(3)
    clips.append(clip("stray", "1F", session="Ses2"))
    with pytest.raises(DataError, match="1F in"):
        FoldPlan("session").folds_of(clips)
    with pytest.raises(DataError, match="anna in"):
        FoldPlan("corpus").folds_of(
            [clip(1, "anna"), clip(2, "ben"), clip(4, "cleo"), clip(3, "anna", corpus="d"), clip(5, "dan", corpus="d")]
        )


@pytest.mark.parametrize("shared", [frozenset(), frozenset({"a"})])
def test_a_fold_with_a_clip_or_a_file_on_two_sides_cannot_be_made(shared, tmp_path):
    one, two, three = clip(1, "a"), clip(2, "b"), clip(3, "c")
    with pytest.raises(DataError, match="shares 1 clip between its parts: c/1 in training and validation"):
        Fold("f", (one,), (one,), (three,), shared_speakers=shared)
    same_file = replace(two, path=one.path)
    with pytest.raises(DataError, match=r"shares 1 file between its parts: /c/1\.wav in training and validation"):
        Fold("f", (one,), (same_file,), (three,), shared_speakers=shared)
    (tmp_path / "a.wav").touch()
    (tmp_path / "link.wav").symlink_to(tmp_path / "a.wav")
    linked = replace(one, path=tmp_path / "a.wav"), replace(three, path=tmp_path / "link.wav")
    with pytest.raises(DataError, match="in training and test"):
        Fold("f", linked[:1], (two,), linked[1:], shared_speakers=shared)


def test_what_cannot_be_done_is_said():
    for train, validation in (((), (clip(1),)), ((clip(1),), ())):
        with pytest.raises(DataError, match=r"Fold f has no clip for (training|validation)"):
            Fold("f", train, validation, ())
    with pytest.raises(DataError, match="There is only one speaker, so nothing can be held out"):
        by_speaker([clip(1, "a"), clip(2, "a")])
    with pytest.raises(DataError, match="2 speakers cannot be divided into 5 parts; ask for 2 to 2"):
        by_speaker([clip(1, "a"), clip(2, "b")])
    with pytest.raises(DataError, match="1 clips cannot be divided"):
        split_off([clip(1)], HoldOut())
    with pytest.raises(DataError, match="1 of 2 clips have no session; use folds by speaker"):
        FoldPlan("session").folds_of([clip(1, session="Ses1"), clip(2)])
    with pytest.raises(UsageError, match=r"A proportion of 1\.5 cannot be held out"):
        HoldOut(1.5)


def test_a_speaker_of_training_is_never_tested_even_where_validation_may_share_them():
    with pytest.raises(DataError, match="anna in training and test"):
        Fold("f", (clip(1),), (clip(2),), (clip(3),), shared_speakers=frozenset({"anna"}))
    with pytest.raises(DataError, match="ben in training and validation"):
        Fold("f", (clip(1), clip(4, "ben")), (clip(2, "ben"),), (), shared_speakers=frozenset({"anna"}))


def a_corpus(name, split=None):
    return [clip(n, f"{name}{n % 5}", corpus=name, split=split) for n in range(20)]


def corpora(clips):
    return {one.corpus for one in clips}


def test_each_corpus_without_splits_is_in_each_part():
    fold = divide(a_corpus("a") + a_corpus("b"), HoldOut(), 0.2)
    assert corpora(fold.train) == corpora(fold.validation) == corpora(fold.test) == {"a", "b"}
    assert len(fold.train) + len(fold.validation) + len(fold.test) == 40


@pytest.mark.parametrize("other", [None, "train"])
def test_a_corpus_may_be_all_test_or_all_validation(other):
    fold = divide(a_corpus("a", other) + a_corpus("b", "test"), HoldOut())
    assert corpora(fold.test) == {"b"} and len(fold.test) == 20
    assert corpora(fold.train) == corpora(fold.validation) == {"a"}
    fold = divide(a_corpus("a", "train") + a_corpus("b", "validation"), HoldOut())
    assert (corpora(fold.train), corpora(fold.validation)) == ({"a"}, {"b"})


def test_one_row_without_a_split_does_not_lose_the_others():
    clips = a_corpus("a", "train")
    with pytest.raises(DataError, match="1 of 20 clips of a have no split"):
        divide([replace(clips[0], split=None), *clips[1:]], HoldOut())


def test_nobody_is_on_two_sides_of_two_corpora():
    known = [replace(one, speaker="a0") for one in a_corpus("b", "test")]
    with pytest.raises(DataError, match=r"a0 in (training|validation) and test"):
        divide(a_corpus("a") + known, HoldOut())
    copied = [replace(one, path=Path("/a/0.wav")) if one.id == "b/0" else one for one in a_corpus("b", "test")]
    with pytest.raises(DataError, match="file"):
        divide(a_corpus("a") + copied, HoldOut())


def test_nothing_is_given_twice(tmp_path):
    with pytest.raises(DataError, match="20 clips given more than once"):
        without_copies(a_corpus("a") * 2)
    (tmp_path / "sound.wav").touch()
    (tmp_path / "link.wav").symlink_to(tmp_path / "sound.wav")
    with pytest.raises(DataError, match="1 recording given more than once"):
        without_copies([clip(name, path=tmp_path / f"{name}.wav") for name in ("sound", "link")])


def test_speakers_are_not_held_out_where_the_data_have_splits():
    fixed = a_corpus("a", "train") + a_corpus("b", "validation")
    with pytest.raises(UsageError, match="--test-proportion has no effect"):
        divide(fixed, HoldOut(), 0.2)
    assert divide(fixed + a_corpus("c"), HoldOut(), 0.2).test
