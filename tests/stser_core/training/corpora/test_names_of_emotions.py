"""The four emotions, and what other corpora call them."""

import pytest

from stser_core.training.corpora.reading import merge


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
