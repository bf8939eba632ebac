"""Each kind of augmentation does what its name says, and nothing is done unless it is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from stser_core.training.augmentation import Augmentation, change_words


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_words_are_dropped_and_swapped_at_their_rates() -> None:
    text = " ".join(["own"] * 4_000)
    made = change_words(text, Augmentation(dropped_words=0.2, swapped_words=0.1), ["other"], rng()).split()
    assert len(made) == pytest.approx(3_200, rel=0.05)
    assert made.count("other") == pytest.approx(400, rel=0.2)


def test_a_text_never_loses_its_last_word_and_marks_go_from_whole_texts() -> None:
    assert change_words("hello there", Augmentation(dropped_words=1.0), [], rng()) == "hello"
    assert change_words("hello there", Augmentation(), ["other"], rng()) == "hello there"
    made = {change_words("Oh! Really?", Augmentation(dropped_marks=0.5), [], rng(n)) for n in range(40)}
    assert made == {"Oh! Really?", "oh really"}
