"""The four emotions, and what other corpora call them."""

from __future__ import annotations

import pytest

from stser_core.emotions import LABELS, index, merge


def test_the_order_that_every_file_relies_on():
    assert LABELS == ("angry", "happy", "neutral", "sad")
    assert [index(label) for label in LABELS] == [0, 1, 2, 3]


@pytest.mark.parametrize("label", LABELS)
def test_a_label_is_itself(label):
    assert merge(label) == merge(f" {label.upper()} ") == label


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("exc", "happy"),
        ("Excited", "happy"),
        ("ang", "angry"),
        ("sadness", "sad"),
        ("neu", "neutral"),
        ("joy", "happy"),
    ],
)
def test_excited_is_happy_and_codes_are_known(word, label):
    assert merge(word) == label


@pytest.mark.parametrize("word", ["fru", "fear", "disgust", "surprise", "xxx", "oth", ""])
def test_other_emotions_are_none_of_the_four(word):
    assert merge(word) is None


def test_an_unknown_label_has_no_index():
    with pytest.raises(ValueError):
        index("calm")
