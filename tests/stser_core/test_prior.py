"""How often emotions are expected: read from text, and Bayes' rule."""

import numpy as np
import pytest

from stser_core.emotions import LABELS
from stser_core.errors import UsageError
from stser_core.prior import Prior


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("neutral=0.7", (0.1, 0.1, 0.7, 0.1)),
        (" neutral = 0.6, angry=0.2 ", (0.2, 0.1, 0.6, 0.1)),
        ("angry=0.1,happy=0.2,neutral=0.3,sad=0.4", (0.1, 0.2, 0.3, 0.4)),
    ],
)
def test_emotions_that_are_not_named_share_the_rest(text, shares):
    prior = Prior.read(text)

    assert prior.shares == pytest.approx(shares)
    assert Prior.read(str(prior)).shares == pytest.approx(shares)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0.7",
        "bored=0.5",
        "neutral",
        "neutral=",
        "neutral=much",
        "neutral=0",
        "neutral=1",
        "neutral=nan",
        "neutral=-0.2",
        "neutral=0.5,neutral=0.1",
        "neutral=0.6,angry=0.4",
        "angry=0.1,happy=0.2,neutral=0.3,sad=0.3",
    ],
)
def test_what_is_no_prior_is_refused(text):
    with pytest.raises(UsageError, match=r"^[^\n]+\.$"):
        Prior.read(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("neutral=0.7,sad=0.3", "leaves nothing for angry, happy;"),
        ("neutral=0.7,sad=0.2,happy=0.1", "leaves nothing for angry;"),
        ("neutral=0.7,sad=0.4", "adds up to 1.1;"),
        ("angry=0.1,happy=0.2,neutral=0.3,sad=0.3", "adds up to 0.9;"),
        ("angry=0.1,happy=0.2,neutral=0.3,sad=0.5", "adds up to 1.1;"),
    ],
)
def test_shares_that_do_not_fit_are_told_as_what_they_are(text, said):
    with pytest.raises(UsageError, match=said):
        Prior.read(text)


def test_bayes_rule():
    """Anger is rare: what would be sure of it where emotions come alike is no longer so."""
    prior = Prior.read("angry=0.01,neutral=0.98,happy=0.005")
    says = np.zeros(len(LABELS))
    says[LABELS.index("angry")], says[LABELS.index("neutral")] = 0.9, 0.1

    told = prior.applied(says)

    assert told[LABELS.index("angry")] == pytest.approx(0.9 * 0.01 / (0.9 * 0.01 + 0.1 * 0.98))
    assert told.sum() == pytest.approx(1)


def test_all_alike_changes_nothing():
    shares = np.random.default_rng(0).dirichlet(np.ones(len(LABELS)), 3)

    assert Prior.read("neutral=0.25").applied(shares) == pytest.approx(shares)
