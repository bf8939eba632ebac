"""Metrics whose value is known; temperatures for the classifiers and for the combinations that occur."""

import numpy as np
import pytest

from stser_core.config import EnsembleConfig
from stser_core.emotions import LABELS
from stser_core.ensemble import softmax
from stser_core.scores import EmotionScores
from stser_core.training.calibration import calibrate
from stser_core.training.metrics import calibration_error, measure
from stser_core.training.streams import Turn


def sure(answers: list[int], confidence: float = 1.0) -> np.ndarray:
    probabilities = np.full((len(answers), 4), (1 - confidence) / 3, dtype=np.float32)
    probabilities[np.arange(len(answers)), answers] = confidence
    return probabilities


def test_wa_counts_clips_and_ua_labels_and_rows_of_the_confusion_are_the_truth() -> None:
    found = measure(np.array([0, 0, 0, 0, 1]), sure([0, 0, 0, 0, 2]))
    assert (found.n, found.wa, found.ua) == (5, pytest.approx(0.8), pytest.approx(0.5))
    assert found.recall == {"angry": 1.0, "happy": 0.0}
    assert found.confusion == [[4, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_who_is_as_right_as_sure_is_calibrated_and_weights_count() -> None:
    truth = np.array([0] * 7 + [1] * 3)
    assert calibration_error(truth, sure([0] * 10, 0.7)) == pytest.approx(0.0, abs=1e-6)
    assert calibration_error(truth, sure([0] * 10, 0.9)) == pytest.approx(0.2, abs=1e-6)
    assert calibration_error(np.array([0, 1]), sure([0, 0]), np.array([3.0, 1.0])) == pytest.approx(0.25)


COUNT = 3_000
COLUMNS = {"speech": 0, "text": 1, "bimodal": 2}


def drawn(logits: np.ndarray, rng: np.random.Generator) -> list[str]:
    cumulated = softmax(logits).cumsum(axis=1)
    return [LABELS[n] for n in (cumulated < rng.random((len(logits), 1))).sum(axis=1)]


def turn(logits: dict[str, np.ndarray], labels: tuple[str | None, str | None, str | None]) -> Turn:
    """A turn as the recognizer scores it where the speech classifier has a temperature of 4."""
    scores = {name: tuple(softmax(one / (4.0 if name == "speech" else 1.0))) for name, one in logits.items()}
    return Turn("85 % neutral", labels, EmotionScores(scores, ()))


def test_each_classifier_gets_its_temperature_by_its_own_label_and_combinations_theirs() -> None:
    rng = np.random.default_rng(0)
    speech, text = 2 * rng.standard_normal((COUNT, 4)), 2 * rng.standard_normal((COUNT, 4))
    spoken, read, both = drawn(speech, rng), drawn(text, rng), drawn(speech + text, rng)
    turns = []
    for n in range(COUNT):
        logits = {"speech": 2 * speech[n], "text": 0.5 * text[n], "bimodal": speech[n] + text[n]}
        turns.append(turn(logits, (spoken[n], read[n], both[n])))
        turns.append(turn({"speech": 2 * speech[n]}, (spoken[n], None, None)))
    ensemble, found = calibrate(turns, COLUMNS, EnsembleConfig(temperatures={"speech": 4.0}))
    assert ensemble.temperatures["speech"] == pytest.approx(2, rel=0.1)
    assert ensemble.temperatures["text"] == pytest.approx(0.5, rel=0.1)
    assert ensemble.temperatures["bimodal"] == pytest.approx(1, rel=0.1)
    assert ensemble.temperatures["bimodal+speech+text"] < 1, "a mean of calibrated answers is too modest"
    assert set(ensemble.temperatures) == set(found) == {"speech", "text", "bimodal", "bimodal+speech+text"}
    for one in found.values():
        assert one.after < 0.03
    assert found["speech"].before > 0.1 and found["bimodal+speech+text"].before > found["bimodal+speech+text"].after
