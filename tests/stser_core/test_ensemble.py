"""Several classifiers' probabilities become one answer, calibrated, with a class prior."""

import math

import numpy as np
import pytest

from stser_core.config import EnsembleConfig, LateFusion
from stser_core.emotions import LABELS
from stser_core.ensemble import checked_prior, combine, format_prior, late_fusion, parse_prior, softmax
from stser_core.errors import UsageError

FUSION = LateFusion(p_speech_only=0.3, p_text_only=0.7)
NEUTRAL = LABELS.index("neutral")
PLAIN = EnsembleConfig()


def probabilities(**by_name: list[float]) -> dict[str, np.ndarray]:
    return {name: np.array(of) for name, of in by_name.items()}


def test_without_late_fusion_the_answer_is_the_papers_mean_which_may_have_weights():
    answers = probabilities(speech=[1, 0, 0, 0], text=[0, 0.5, 0.5, 0], bimodal=[0.2, 0.4, 0.1, 0.3])

    assert combine(answers, PLAIN) == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert combine(answers, EnsembleConfig(weights={"speech": 3})) == pytest.approx([0.64, 0.18, 0.12, 0.06])


def test_a_combination_has_its_own_temperature_whatever_the_order_of_its_names():
    config = EnsembleConfig(temperatures={"speech+text": 0.5})
    one, other = [0.8, 0.2, 0, 0], [0.6, 0.4, 0, 0]

    for answers in (probabilities(text=one, speech=other), probabilities(speech=one, text=other)):
        assert combine(answers, config)[:2] == pytest.approx([0.49 / 0.58, 0.09 / 0.58])


def test_late_fusion_follows_from_bayes_rule():
    """Each way in which an emotion can come about, by how often it does and how likely speech and words are then."""
    speech, text = softmax(3 * np.random.default_rng(0).standard_normal((2, 200, 4)))
    ways = [(e, e, e, 1.0) for e in range(4)]
    ways += [(e, e, NEUTRAL, FUSION.p_speech_only) for e in range(4) if e != NEUTRAL]
    ways += [(e, NEUTRAL, e, FUSION.p_text_only) for e in range(4) if e != NEUTRAL]
    expected = np.zeros((200, 4))
    for label, spoken, said, often in ways:
        expected[:, label] += often * speech[:, spoken] * text[:, said]

    assert late_fusion(speech, text, FUSION) == pytest.approx(expected / expected.sum(axis=1, keepdims=True))


def test_what_speech_and_text_are_fused_to_is_averaged_with_all_other_classifiers():
    config = EnsembleConfig(weights={"pitch": 2, "bimodal": 4}, late_fusion=FUSION)
    answers = probabilities(
        speech=[0.7, 0.1, 0.1, 0.1], text=[0.1, 0.2, 0.6, 0.1], bimodal=[0.25] * 4, pitch=[0.4, 0.2, 0.3, 0.1]
    )

    fused = late_fusion(answers["speech"], answers["text"], FUSION)

    assert combine(answers, config) == pytest.approx((2 * fused + 2 * answers["pitch"] + 4 * answers["bimodal"]) / 8)


def test_certainty_that_contradicts_itself_does_not_divide_by_zero():
    answers = probabilities(speech=[1, 0, 0, 0], text=[0, 1, 0, 0])

    with np.errstate(all="raise"):
        combined = combine(answers, EnsembleConfig(late_fusion=FUSION, temperatures={"speech+text": 0.5}))

    assert combined.sum() == pytest.approx(1)


def test_emotions_that_are_not_named_share_the_rest():
    for text, expected in (
        ("neutral=0.7", (0.1, 0.1, 0.7, 0.1)),
        (" neutral = 0.6, angry=0.2 ", (0.2, 0.1, 0.6, 0.1)),
        ("angry=0.1,happy=0.2,neutral=0.3,sad=0.4", (0.1, 0.2, 0.3, 0.4)),
    ):
        assert parse_prior(text) == pytest.approx(expected)
        assert parse_prior(format_prior(parse_prior(text))) == pytest.approx(expected)
    assert parse_prior(format_prior(None)) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "0.7", "bored=0.5", "neutral", "neutral=", "neutral=much", "neutral=0", "neutral=1", "neutral=nan"),
        *("neutral=-0.2", "neutral=0.5,neutral=0.1", "neutral=0.6,angry=0.4", "neutral=0.7,sad=0.4"),
        "angry=0.1,happy=0.2,neutral=0.3,sad=0.3",
    ],
)
def test_what_is_not_a_prior_is_refused(text):
    with pytest.raises(UsageError):
        parse_prior(text)


@pytest.mark.parametrize(
    "prior",
    [
        *("even", "0.25", 0.7, (0.5, 0.5), (0.25,) * 5, (math.nan, 0.2, 0.4, 0.4), (-0.1, 0.2, 0.5, 0.4), (0,) * 4),
        *((1, 1, 4, 1), (math.inf, 0.2, 0.4, 0.4), ("a", 0.2, 0.4, 0.4), np.full((4, 2), 0.25)),
    ],
)
def test_values_that_are_not_a_prior_are_refused(prior):
    with pytest.raises(UsageError):
        checked_prior(prior)


def test_a_prior_may_be_rounded_and_come_as_an_array():
    assert checked_prior(np.array([0.25, 0.25, 0.25, 0.25])) == (0.25, 0.25, 0.25, 0.25)
    assert checked_prior([0.3333, 0.3333, 0.3333, 0.00005]) == (0.3333, 0.3333, 0.3333, 0.00005)


def test_bayes_rule():
    """Anger is rare: a classifier that is sure of it under even labels is not so any more."""
    prior = parse_prior("angry=0.01,neutral=0.98,happy=0.005")
    given = np.array([0.9, 0.0, 0.1, 0.0])

    moved = combine({"speech": given}, PLAIN, prior=prior)

    assert moved[0] == pytest.approx(0.9 * 0.01 / (0.9 * 0.01 + 0.1 * 0.98))
    assert moved.sum() == pytest.approx(1)
