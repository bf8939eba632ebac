"""Metrics whose value is known."""

from __future__ import annotations

import numpy as np
import pytest

from stser_core.training.metrics import calibration_error, measure


def sure(answers: list[int], confidence: float = 1.0) -> np.ndarray:
    shares = np.full((len(answers), 4), (1 - confidence) / 3, dtype=np.float32)
    shares[np.arange(len(answers)), answers] = confidence
    return shares


def test_wa_counts_clips_and_ua_counts_labels() -> None:
    found = measure(np.array([0, 0, 0, 0, 1]), sure([0, 0, 0, 0, 0]))
    assert found.n == 5
    assert found.wa == pytest.approx(0.8)
    assert found.ua == pytest.approx(0.5)
    assert found.recall == {"angry": 1.0, "happy": 0.0}
    assert found.confusion == [[4, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_rows_of_the_confusion_are_the_truth() -> None:
    found = measure(np.array([3, 2]), sure([2, 2]))
    assert found.confusion[3] == [0, 0, 1, 0]


def test_who_is_as_right_as_sure_is_calibrated() -> None:
    truth = np.array([0] * 7 + [1] * 3)
    assert calibration_error(truth, sure([0] * 10, 0.7)) == pytest.approx(0.0, abs=1e-6)
    assert calibration_error(truth, sure([0] * 10, 0.9)) == pytest.approx(0.2, abs=1e-6)


def test_weights_count_in_the_calibration_error() -> None:
    truth = np.array([0, 1])
    error = calibration_error(truth, sure([0, 0], 1.0), np.array([3.0, 1.0]))
    assert error == pytest.approx(0.25)
