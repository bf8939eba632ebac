"""WA, UA, recalls, confusion and calibration error of one classifier's answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stser_core.emotions import LABELS
from stser_core.errors import MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BINS = 15


@dataclass(frozen=True)
class Metrics:
    """How good a classifier's answers are. All shares are fractions of 1.

    Attributes:
        n: Answers judged.
        wa: Weighted accuracy: the share of right answers.
        ua: Unweighted accuracy: the mean of the recalls of the labels that occur.
        recall: For each label that occurs, the share of its clips that were recognised.
        confusion: Counts, rows = truth, columns = answer, in the order of `LABELS`.
        ece: Expected calibration error: the mean gap between confidence and accuracy over 15 equal bins of
            confidence, weighted by their size (Guo et al. 2017, https://arxiv.org/abs/1706.04599).
    """

    n: int
    wa: float
    ua: float
    recall: dict[str, float]
    confusion: list[list[int]]
    ece: float


def measure(truth: NDArray[np.int64], probabilities: NDArray[np.float32]) -> Metrics:
    """Judge answers.

    Args:
        truth: int [n], indices into `LABELS`; n at least 1.
        probabilities: float [n, labels].

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.metrics import accuracy_score, confusion_matrix, recall_score
    except ImportError as error:
        raise MissingExtraError("Measuring accuracy", "train") from error

    answers = probabilities.argmax(axis=1)
    occurring = [index for index in range(len(LABELS)) if (truth == index).any()]
    recalls = recall_score(truth, answers, labels=occurring, average=None, zero_division=0.0)
    return Metrics(
        n=len(truth),
        wa=float(accuracy_score(truth, answers)),
        ua=float(recalls.mean()),
        recall={LABELS[index]: float(recall) for index, recall in zip(occurring, recalls, strict=True)},
        confusion=confusion_matrix(truth, answers, labels=range(len(LABELS))).tolist(),
        ece=calibration_error(truth, probabilities),
    )


def calibration_error(truth: NDArray[np.int64], probabilities: NDArray[np.float32]) -> float:
    """Expected calibration error of answers; see `Metrics.ece`."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [
        (bins == bin_).mean() * abs(right[bins == bin_].mean() - confidence[bins == bin_].mean())
        for bin_ in np.unique(bins)
    ]
    return float(sum(gaps))


def temperature(
    truth: NDArray[np.int64], logits: NDArray[np.float32], weights: NDArray[np.float64] | None = None
) -> float:
    """The number by which logits are divided to be calibrated best: lowest cross-entropy on validation data.

    Args:
        truth: int [n], indices into `LABELS`.
        logits: float [n, labels].
        weights: float [n], how much each counts; all alike by default.

    Returns:
        Between 0.1 and 10 (Guo et al. 2017, section 4.2).
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    rows = np.arange(len(truth))

    def cross_entropy(divisor: float) -> float:
        shares = log_softmax(logits.astype(np.float64) / divisor, axis=1)
        return float(np.average(-shares[rows, truth], weights=weights))

    found = minimize_scalar(lambda one: cross_entropy(np.exp(one)), bounds=(np.log(0.1), np.log(10)), method="bounded")
    return float(np.exp(found.x))
