"""Temperatures for the classifiers, so that their probabilities, and the ensemble's, are as often right as they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

from stser_core.training.metrics import calibration_error, lowest, temperature

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Calibration:
    """A classifier's temperature, and its expected calibration error without and with it."""

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


def calibrate(answers: Mapping[str, Answers], weights: Mapping[str, float]) -> dict[str, Calibration]:
    """Find each classifier's temperature (Guo et al. 2017, section 4.2), before the ensemble's mean is taken.

    The mean of calibrated opinions is less sure than it could be (Ranjan and Gneiting 2010,
    https://doi.org/10.1111/j.1467-9868.2009.00726.x). A plain mean is left so. Where weights make one classifier lead,
    its temperature is rather the one that calibrates the ensemble.

    Args:
        answers: Of each classifier, to the same examples.
        weights: How much each counts in the ensemble; 1 where nothing is said.

    Returns:
        For each classifier that had something to judge.
    """
    found = {
        name: _calibration(one, temperature(one.truth[one.judged], one.logits[one.judged]))
        for name, one in answers.items()
        if one.judged.any()
    }
    leader = max(found, key=lambda name: weights.get(name, 1.0), default=None)
    if leader is None or len({weights.get(name, 1.0) for name in found}) == 1:
        return found
    rows = np.logical_and.reduce([answers[name].judged for name in found])
    if not rows.any():
        return found
    others = sum(
        weights.get(name, 1.0) * softmax(answers[name].logits[rows] / one.temperature, axis=1)
        for name, one in found.items()
        if name != leader
    )
    leading = answers[leader]
    total = sum(weights.get(name, 1.0) for name in found)

    def cross_entropy(divisor: float) -> float:
        shares = (others + weights.get(leader, 1.0) * softmax(leading.logits[rows] / divisor, axis=1)) / total
        return float(-np.log(shares[np.arange(len(shares)), leading.truth[rows]]).mean())

    return {**found, leader: _calibration(leading, lowest(cross_entropy))}


def _calibration(answers: Answers, divisor: float) -> Calibration:
    truth, logits = answers.truth[answers.judged], answers.logits[answers.judged]
    before, after = (calibration_error(truth, softmax(logits / one, axis=1)) for one in (1.0, divisor))
    return Calibration(divisor, before, after)
