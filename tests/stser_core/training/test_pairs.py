"""Pairs of speech and text: the labels that each kind of pair gives each classifier."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from making import clip

from stser_core.emotions import LABELS
from stser_core.errors import DataError
from stser_core.training.clip import Clip
from stser_core.training.pairs import Example, Pairing, PairMixture

SPEECH = clip(1, label="angry")
TEXTS = [clip(label, path=None, text=f"words {label}", label=label) for label in LABELS]


def draws(label: str, mixture: PairMixture, number: int = 2_000) -> list[Example]:
    pairing = Pairing(TEXTS, mixture)
    rng = np.random.default_rng(0)
    return [pairing.pair(replace(SPEECH, label=label), rng) for _ in range(number)]


@pytest.mark.parametrize("label", LABELS)
def test_every_kind_of_pair_says_what_is_right(label: str) -> None:
    for example in draws(label, PairMixture()):
        assert example.labels[0] == label
        said = None if example.text is None else example.text.split()[-1]
        match example.kind:
            case "agreeing":
                assert (said, *example.labels[1:]) == (label, label, label)
            case "text_neutral":
                assert (said, *example.labels[1:]) == ("neutral", "neutral", label)
            case "speech_neutral":
                assert label == "neutral" and said != "neutral"
                assert example.labels[1:] == (said, said)
            case "text_empty":
                assert (example.text, *example.labels[1:]) == (None, None, None)
            case "text_garbled":
                assert example.text and example.labels[1:] == (None, label)


def test_proportions_are_kept_among_the_kinds_that_a_clip_can_be_part_of() -> None:
    mixture = PairMixture(agreeing=0.5, text_neutral=0.3, text_garbled=0.1, text_empty=0.1, speech_neutral=0.3)
    for label, kind, other in (
        ("angry", "text_neutral", "speech_neutral"),
        ("neutral", "speech_neutral", "text_neutral"),
    ):
        kinds = Counter(example.kind for example in draws(label, mixture))
        assert kinds["agreeing"] == pytest.approx(1_000, abs=100)
        assert (kinds[kind], kinds[other]) == (pytest.approx(600, abs=80), 0)


def texts_of(*labels: str) -> list[Clip]:
    return [text for text in TEXTS if text.label in labels]


@pytest.mark.parametrize(
    ("texts", "mixture", "complaint"),
    [
        (texts_of("happy", "neutral", "sad"), PairMixture(), "No text is labelled angry, as agreeing pairs need"),
        (texts_of("angry"), PairMixture(0, 1, 0, 0, 1), "No text is labelled neutral, as text_neutral pairs need"),
        (texts_of("neutral"), PairMixture(0, 1, 0, 0, 1), "No text is labelled with an emotion"),
        ([], PairMixture(0, 0, 1, 0, 0), "to draw garbled words from"),
        (TEXTS, PairMixture(0, 0, 0, 0, 0), "has no kind of pair for clips labelled angry"),
    ],
)
def test_what_the_mixture_lacks_is_said_before_anything_is_paired(
    texts: list[Clip], mixture: PairMixture, complaint: str
) -> None:
    with pytest.raises(DataError, match=complaint):
        Pairing(texts, mixture)


def test_a_label_that_no_clip_has_needs_no_texts_and_is_not_drawn_for_neutral_speech() -> None:
    pairing = Pairing(texts_of("sad", "neutral"), PairMixture(), {"sad", "neutral"})
    rng = np.random.default_rng(0)
    said = {pairing.pair(replace(SPEECH, label="neutral"), rng).labels[1] for _ in range(500)}
    assert said == {"sad", "neutral", None}


def test_service_texts_are_their_proportion_of_the_neutral_ones() -> None:
    service = clip("sgd", path=None, text="your table is booked", label="neutral", weak=True)
    pairing = Pairing([*TEXTS, service], PairMixture(1, 0, 0, 0, 0), {"neutral", "angry"}, service=0.3)
    rng = np.random.default_rng(0)
    drawn = [pairing.pair(replace(SPEECH, label="neutral"), rng).text for _ in range(2_000)]
    assert drawn.count("your table is booked") == pytest.approx(600, abs=80)
    assert {pairing.pair(SPEECH, rng).text for _ in range(50)} == {"words angry"}
