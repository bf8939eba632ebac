"""Temperatures, on answers whose sureness is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from stser_core.ensemble import Ensemble, Joining
from stser_core.training.calibration import Answers, calibrate

COUNT = 20_000


def answers(sureness: float, seed: int) -> Answers:
    """Logits that are `sureness` times what they should be."""
    dice = np.random.default_rng(seed)
    logits = dice.standard_normal((COUNT, 4)) * 2
    truth = (softmax(logits, axis=1).cumsum(axis=1) < dice.random((COUNT, 1))).sum(axis=1)
    return Answers((logits * sureness).astype(np.float32), truth)


ALIKE = np.ones(COUNT)


def test_each_gets_the_temperature_that_it_needs() -> None:
    found = calibrate({"speech": answers(2, 0), "text": answers(0.5, 1)}, Ensemble(), ALIKE, answers(1, 1).truth)
    assert found["speech"].temperature == pytest.approx(2, rel=0.05)
    assert found["text"].temperature == pytest.approx(0.5, rel=0.05)
    assert found["speech"].before > 0.1 > 0.02 > found["speech"].after


@pytest.mark.parametrize("counts", [{}, {"speech": 3.0}])
def test_the_mean_of_those_who_know_different_things_is_made_surer(counts: dict[str, float]) -> None:
    dice = np.random.default_rng(0)
    heard, read = (dice.standard_normal((COUNT, 4)) for _ in range(2))
    truth = (softmax(heard + read, axis=1).cumsum(axis=1) < dice.random((COUNT, 1))).sum(axis=1)
    each = {name: Answers(one.astype(np.float32), truth) for name, one in (("speech", heard), ("text", read))}
    found = calibrate(each, Ensemble(counts), ALIKE, truth)
    assert found["ensemble"].temperature < 0.9
    assert found["ensemble"].after < 0.5 * found["ensemble"].before


def test_what_weighs_nothing_changes_nothing() -> None:
    sure, modest = answers(2, 0), answers(0.5, 1)
    both = Answers(np.concatenate([sure.logits, modest.logits]), np.concatenate([sure.truth, modest.truth]))
    found = calibrate({"speech": both}, Ensemble(), np.concatenate([ALIKE, 0 * ALIKE]), both.truth)
    assert found["speech"].temperature == pytest.approx(2, rel=0.05)


def test_what_judged_nothing_has_no_temperature() -> None:
    heard = answers(1, 0)
    silent = Answers(heard.logits, np.full(COUNT, -1))
    assert calibrate({"speech": heard, "bimodal": silent}, Ensemble({"bimodal": 8}), ALIKE, heard.truth).keys() == {
        "speech"
    }


def test_the_ensemble_is_judged_by_what_is_right_for_all_together() -> None:
    heard, read = answers(1, 0), answers(1, 1)
    wrong = Answers(heard.logits, (heard.truth + 1) % 4)
    found = calibrate({"speech": wrong, "text": read}, Ensemble({"speech": 0.001}), ALIKE, read.truth)
    assert found["ensemble"].temperature == pytest.approx(1, rel=0.1)


def test_voice_and_words_are_joined_before_the_temperature_of_all_is_found(spoken_world) -> None:
    joining = Joining(text_neutral=0.3, voice_neutral=0.7)
    world = spoken_world(joining, COUNT)
    each = {"speech": Answers(world.heard, world.voice), "text": Answers(world.read, world.words)}
    joined, mean = (calibrate(each, one, ALIKE, world.answer) for one in (Ensemble(joining=joining), Ensemble()))
    assert joined["ensemble"].temperature == pytest.approx(1, rel=0.1)
    assert joined["ensemble"].before < 0.02 < 0.05 < mean["ensemble"].before
