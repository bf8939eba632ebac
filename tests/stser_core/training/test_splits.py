"""Splits: no speaker is on two sides, no clip is lost or doubled."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import clip

from stser_core.emotions import LABELS
from stser_core.errors import DataError, UsageError
from stser_core.training.splits import Fold, divide, folds_of, split_off, without_copies


def conversation(sessions=5, turns=12):
    """Clips like IEMOCAP's: two speakers a session, all labels."""
    return [
        clip(f"{session}{gender}{turn}", f"{session}{gender}", LABELS[turn % 4], session=f"Ses{session}")
        for session in range(1, sessions + 1)
        for gender in "FM"
        for turn in range(turns)
    ]


def a_corpus(name, split=None):
    return [clip(n, f"{name}{n % 5}", corpus=name, split=split) for n in range(20)]


def speakers(clips):
    return {one.speaker for one in clips}


def corpora(clips):
    return {one.corpus for one in clips}


def by_speaker(clips, count=5, validation=0.2):
    return folds_of(clips, "speakers", count, validation)


CLIPS = st.lists(st.tuples(st.integers(0, 11), st.sampled_from(LABELS)), min_size=1, max_size=80).map(
    lambda rows: [clip(number, f"speaker{who}", label) for number, (who, label) in enumerate(rows)]
)


@settings(max_examples=30)
@given(CLIPS, st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.integers(2, 6), st.randoms(use_true_random=False))
def test_grouped_folds_share_no_speaker_and_test_every_clip_once_in_any_order(clips, validation, count, rng):
    try:
        folds = by_speaker(clips, count, validation)
    except DataError as error:
        # Only for want of speakers: fewer than folds, or too few left of them to hold one out.
        assert len(speakers(clips)) < count + 2
        assert re.search("held out|divided", str(error))
        return
    assert Counter(one.id for fold in folds for one in fold.test) == Counter(one.id for one in clips)
    for fold, same in zip(folds, by_speaker(rng.sample(clips, len(clips)), count, validation), strict=True):
        parts = fold.train + fold.validation + fold.test
        assert sorted(one.id for one in parts) == sorted(one.id for one in clips)
        assert not speakers(fold.test) & speakers(fold.train + fold.validation)
        if len(speakers(fold.train + fold.validation)) > 1:
            assert not speakers(fold.train) & speakers(fold.validation)
            assert all(set(getattr(fold, part)) == set(getattr(same, part)) for part in ("train", "validation", "test"))


def test_folds_are_alike_in_size_and_labels_also_of_thousands_of_texts():
    clips = [clip(f"{who}-{turn}", f"speaker{who}", LABELS[turn % 4]) for who in range(20) for turn in range(8)]
    for fold in by_speaker(clips):
        assert Counter(one.label for one in fold.test) == dict.fromkeys(LABELS, 8)
        assert len(fold.validation) == pytest.approx(0.2 * 128, abs=8)
    texts = [clip(n, f"text{n}", LABELS[n % 4], path=None) for n in range(2_000)]
    assert {(len(fold.test), len(fold.validation)) for fold in by_speaker(texts)} == {(400, 320)}
    assert Counter(one.label for one in split_off(texts, 0.4)[1]) == dict.fromkeys(LABELS, 200)
    of_one_speaker = [clip(turn, label=LABELS[turn % 4]) for turn in range(40)]
    train, held = split_off(of_one_speaker)
    assert Counter(one.label for one in held) == dict.fromkeys(LABELS, 2) and len(train) == 32


@settings(max_examples=30)
@given(st.lists(st.integers(1, 30), min_size=2, max_size=12), st.floats(0.02, 0.98), st.integers(0, 9))
def test_no_other_speaker_would_bring_the_proportion_nearer(sizes, proportion, seed):
    clips = [clip(f"{who}-{n}", f"s{who}", LABELS[n % 4]) for who, size in enumerate(sizes) for n in range(size)]
    _, held = split_off(clips, proportion, seed)
    taken = speakers(held)
    for who, size in enumerate(sizes):
        left = len(taken) - 1 if f"s{who}" in taken else len(taken) + 1
        if 0 < left < len(sizes):
            other = len(held) + (-size if f"s{who}" in taken else size)
            assert abs(len(held) - proportion * len(clips)) <= abs(other - proportion * len(clips)) + 1e-6


def test_leave_one_out_tests_each_session_or_corpus_once():
    folds = folds_of(conversation())
    assert [fold.name for fold in folds] == ["Ses1", "Ses2", "Ses3", "Ses4", "Ses5"]
    for fold in folds:
        assert {one.session for one in fold.test} == {fold.name}
        assert len(speakers(fold.test)) == 2
        assert 1 <= len(speakers(fold.validation)) <= 2
        assert len(speakers(fold.train)) + len(speakers(fold.validation)) == 8
    without = [replace(one, session=None) for one in conversation(3)]
    assert [fold.name for fold in folds_of(without, groups=2)] == ["fold1", "fold2"]
    folds = folds_of(a_corpus("a") + a_corpus("b") + a_corpus("c"), "corpus")
    assert [(fold.name, corpora(fold.test)) for fold in folds] == [(name, {name}) for name in "abc"]


def test_a_clip_or_a_file_is_not_on_two_sides_nor_given_twice(tmp_path):
    one, two, three = clip(1, "a"), clip(2, "b"), clip(3, "c")
    (tmp_path / "a.wav").touch()
    (tmp_path / "link.wav").symlink_to(tmp_path / "a.wav")
    linked = replace(one, path=tmp_path / "a.wav"), replace(three, path=tmp_path / "link.wav")
    for shared in (frozenset(), frozenset({"a"})):
        for parts, said in (
            (((one,), (one,), (three,)), "shares 1 clip between its parts: c/1 in training and validation"),
            (
                ((one,), (replace(two, path=one.path),), (three,)),
                r"1 file between its parts: /c/1\.wav in training",
            ),
            ((linked[:1], (two,), linked[1:]), "in training and test"),
        ):
            with pytest.raises(DataError, match=said):
                Fold("f", *parts, shared_speakers=shared)
    with pytest.raises(DataError, match="1 recording given more than once"):
        without_copies(linked)


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda: Fold("f", (), (clip(1),), ()), "Fold f has no clip for training"),
        (lambda: Fold("f", (clip(1),), (), ()), "Fold f has no clip for validation"),
        (lambda: by_speaker([clip(1, "a"), clip(2, "a")]), "There is only one speaker, so nothing can be held out"),
        (lambda: by_speaker([clip(1, "a"), clip(2, "b")]), "2 speakers cannot be divided into 5 parts; ask for 2 to 2"),
        (lambda: split_off([clip(1)]), "1 clips cannot be divided"),
        (lambda: folds_of([clip(1, session="Ses1"), clip(2)], "session"), "1 of 2 clips have no session"),
        (lambda: folds_of(a_corpus("a"), "corpus"), "at least two; found a"),
        (lambda: divide([*a_corpus("a", "train"), clip(21, corpus="a")]), "1 of 21 clips of a have no split"),
        (lambda: folds_of([*conversation(3), clip("stray", "1F", session="Ses2")], "session"), "1F in"),
        (lambda: divide([*a_corpus("a"), clip("b", "a0", split="test")]), r"a0 in (training|validation) and test"),
        (lambda: divide([*a_corpus("a"), clip("b", split="test", path=Path("/a/0.wav"))]), "file"),
        (lambda: Fold("f", (clip(1),), (clip(2),), (clip(3),), shared_speakers={"anna"}), "anna in training and test"),
    ],
)
def test_what_cannot_be_done_is_said(attempt, said):
    with pytest.raises(DataError, match=said):
        attempt()


def test_each_corpus_without_splits_is_in_each_part_and_others_may_be_all_test_or_all_validation():
    fold = divide(a_corpus("a") + a_corpus("b"), test=0.2)
    assert corpora(fold.train) == corpora(fold.validation) == corpora(fold.test) == {"a", "b"}
    assert len(fold.train) + len(fold.validation) + len(fold.test) == 40
    for split in (None, "train"):
        fold = divide(a_corpus("a", split) + a_corpus("b", "test"))
        assert corpora(fold.test) == {"b"} and len(fold.test) == 20
        assert corpora(fold.train) == corpora(fold.validation) == {"a"}
    fixed = a_corpus("a", "train") + a_corpus("b", "validation")
    fold = divide(fixed)
    assert (corpora(fold.train), corpora(fold.validation)) == ({"a"}, {"b"})
    with pytest.raises(UsageError, match="--test-proportion has no effect"):
        divide(fixed, test=0.2)
    assert divide(fixed + a_corpus("c"), test=0.2).test
