"""Temperatures of a trained model, for the classifiers and for the combinations that occur."""

from __future__ import annotations

import numpy as np
import pytest

from stser_core.config import EnsembleConfig
from stser_core.emotions import LABELS
from stser_core.ensemble import softmax
from stser_core.training.calibration import Answer, calibrate

COUNT = 3_000
COLUMNS = {"speech": 0, "text": 1, "bimodal": 2}


def drawn(logits: np.ndarray, rng: np.random.Generator) -> list[str]:
    cumulated = softmax(logits).cumsum(axis=1)
    return [LABELS[n] for n in (cumulated < rng.random((len(logits), 1))).sum(axis=1)]


def test_each_classifier_gets_its_temperature_by_its_own_label_and_combinations_theirs() -> None:
    rng = np.random.default_rng(0)
    speech, text = 2 * rng.standard_normal((COUNT, 4)), 2 * rng.standard_normal((COUNT, 4))
    spoken, read, both = drawn(speech, rng), drawn(text, rng), drawn(speech + text, rng)
    answers = []
    for n in range(COUNT):
        logits = {"speech": 2 * speech[n], "text": 0.5 * text[n], "bimodal": speech[n] + text[n]}
        answers.append(Answer(logits, (spoken[n], read[n], both[n])))
        answers.append(Answer({"speech": 2 * speech[n]}, (spoken[n], None, None)))
    ensemble, found = calibrate(answers, COLUMNS, EnsembleConfig())
    assert ensemble.temperatures["speech"] == pytest.approx(2, rel=0.1)
    assert ensemble.temperatures["text"] == pytest.approx(0.5, rel=0.1)
    assert ensemble.temperatures["bimodal"] == pytest.approx(1, rel=0.1)
    assert ensemble.temperatures["bimodal+speech+text"] < 1, "a mean of calibrated answers is too modest"
    assert set(ensemble.temperatures) == set(found) == {"speech", "text", "bimodal", "bimodal+speech+text"}
    for one in found.values():
        assert one.after < 0.03
    assert found["speech"].before > 0.1 and found["bimodal+speech+text"].before > found["bimodal+speech+text"].after
