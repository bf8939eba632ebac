"""Temperatures for the classifiers and their ensemble, so that they are as often right as their probabilities say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

from stser_core.scores import ENSEMBLE
from stser_core.training.metrics import calibration_error, temperature

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stser_core.ensemble import Ensemble


@dataclass(frozen=True)
class Calibration:
    """A temperature, and the expected calibration error without and with it."""

    temperature: float
    before: float
    after: float


@dataclass(frozen=True, eq=False)
class Answers:
    """What a classifier answered to the validation data.

    Attributes:
        logits: float32 [n, labels].
        truth: int64 [n], what it should have answered; −1 where it had nothing to judge.
    """

    logits: NDArray[np.float32]
    truth: NDArray[np.int64]

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Bool [n]: where it had something to judge."""
        return self.truth >= 0


def calibrate(
    answers: Mapping[str, Answers],
    ensemble: Ensemble,
    weights: NDArray[np.float64],
    right: NDArray[np.int64],
) -> dict[str, Calibration]:
    """Find each classifier's temperature (Guo et al. 2017, section 4.2), and then that of their mean.

    Args:
        answers: Of each classifier, to the same examples.
        ensemble: How their answers become one; its temperatures are not asked.
        weights: float64 [n], how much each example counts, so that the largest corpus does not decide alone.
        right: int64 [n], what the ensemble should have answered, where all had something to judge.

    Returns:
        For each classifier that had something to judge, and under `ensemble` for their mean, where several had.
    """
    found = {
        name: _calibration(one.logits[one.judged], one.truth[one.judged], weights[one.judged])
        for name, one in answers.items()
        if one.judged.any()
    }
    together = np.logical_and.reduce([answers[name].judged for name in found])
    if len(found) < 2 or not together.any():
        return found
    shares = {name: softmax(answers[name].logits[together] / one.temperature, axis=1) for name, one in found.items()}
    logits = np.log(np.maximum(ensemble.mean(shares), np.finfo(np.float32).tiny))
    return {**found, ENSEMBLE: _calibration(logits, right[together], weights[together])}


def _calibration(logits: NDArray[np.float32], truth: NDArray[np.int64], weights: NDArray[np.float64]) -> Calibration:
    divisor = temperature(truth, logits, weights)
    before, after = (calibration_error(truth, softmax(logits / one, axis=1)) for one in (1.0, divisor))
    return Calibration(divisor, before, after)
