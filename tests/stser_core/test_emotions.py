"""The four emotions, and what other corpora call them."""

from __future__ import annotations

import pytest

from stser_core.emotions import LABELS, index, merge


def test_the_order_that_every_file_relies_on():
    assert LABELS == ("angry", "happy", "neutral", "sad")
    assert [index(label) for label in LABELS] == [0, 1, 2, 3]
    with pytest.raises(ValueError):
        index("calm")


@pytest.mark.parametrize(
    ("words", "label"),
    [
        ("exc Excited joy HAPPY happy", "happy"),
        ("ang angry Anger", "angry"),
        ("sadness sad", "sad"),
        ("neu Neutral", "neutral"),
        ("fru fear disgust surprise xxx oth", None),
    ],
)
def test_words_of_other_corpora_are_one_of_them_or_none(words, label):
    assert {merge(f" {word} ") for word in words.split()} == {label}
    assert merge("") is None
