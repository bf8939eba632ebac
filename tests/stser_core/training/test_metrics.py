"""Metrics whose value is known."""

import numpy as np
import pytest

from stser_core.training.metrics import calibration_error, measure


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
