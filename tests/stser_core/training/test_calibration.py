"""Temperatures, on answers whose sureness is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from stser_core.training.calibration import Answers, calibrate
from stser_core.training.metrics import calibration_error

COUNT = 20_000


def answers(sureness: float, seed: int) -> Answers:
    """Logits that are `sureness` times what they should be."""
    dice = np.random.default_rng(seed)
    logits = dice.standard_normal((COUNT, 4)) * 2
    truth = (softmax(logits, axis=1).cumsum(axis=1) < dice.random((COUNT, 1))).sum(axis=1)
    return Answers((logits * sureness).astype(np.float32), truth)


def test_each_gets_the_temperature_that_it_needs() -> None:
    found = calibrate({"speech": answers(2, 0), "text": answers(0.5, 1)}, {})
    assert found["speech"].temperature == pytest.approx(2, rel=0.05)
    assert found["text"].temperature == pytest.approx(0.5, rel=0.05)
    assert found["speech"].before > 0.1 > 0.02 > found["speech"].after


def test_where_one_leads_its_temperature_calibrates_the_ensemble() -> None:
    led = answers(1, 0)
    blind = Answers(np.zeros_like(led.logits), led.truth)  # one that knows nothing makes the mean less sure
    weights = {"speech": 3.0}
    found = calibrate({"speech": led, "text": blind}, weights)
    assert found["speech"].temperature < 0.8

    def mean(temperature: float) -> np.ndarray:
        return (3 * softmax(led.logits / temperature, axis=1) + 0.25) / 4

    assert calibration_error(led.truth, mean(found["speech"].temperature)) < 0.6 * calibration_error(led.truth, mean(1))


def test_equal_weights_are_no_lead() -> None:
    given = {"speech": answers(2, 0), "text": answers(0.5, 1)}
    assert calibrate(given, {"speech": 2, "text": 2}) == calibrate(given, {})


def test_what_judged_nothing_has_no_temperature() -> None:
    heard = answers(1, 0)
    silent = Answers(heard.logits, np.full(COUNT, -1))
    assert calibrate({"speech": heard, "bimodal": silent}, {"bimodal": 8}).keys() == {"speech"}
