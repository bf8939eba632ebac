"""WA, UA, recalls, confusion and calibration error of predictions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stser_core.emotions import LABELS

_BINS = 15


@dataclass(frozen=True)
class Metrics:
    """Metrics of predictions, as fractions of 1."""

    n: int  # number of predictions
    wa: float  # weighted accuracy: the proportion that is right
    ua: float  # unweighted accuracy: the mean of the recalls of the labels that occur
    recall: dict[str, float]  # of each label that occurs
    confusion: list[list[int]]  # counts, rows = truth, columns = prediction, in the order of LABELS
    # Expected calibration error: the mean gap between confidence and accuracy over 15 equal bins of confidence,
    # weighted by their size (Guo et al. 2017, https://arxiv.org/abs/1706.04599).
    ece: float


def measure(truth: NDArray[np.int64], probabilities: NDArray[np.floating]) -> Metrics:
    """Measure predictions: probabilities, float [n, labels], of the truth, int [n] ≥ 1, indices into `LABELS`."""
    confusion = np.zeros((len(LABELS), len(LABELS)), dtype=np.int64)
    np.add.at(confusion, (truth, probabilities.argmax(axis=1)), 1)
    occurring = np.flatnonzero(confusion.sum(axis=1))
    recalls = confusion.diagonal()[occurring] / confusion.sum(axis=1)[occurring]
    return Metrics(
        n=len(truth),
        wa=float(confusion.trace() / len(truth)),
        ua=float(recalls.mean()),
        recall={LABELS[index]: float(recall) for index, recall in zip(occurring, recalls, strict=True)},
        confusion=confusion.tolist(),
        ece=calibration_error(truth, probabilities),
    )


def calibration_error(
    truth: NDArray[np.int64], probabilities: NDArray[np.floating], weights: NDArray[np.float64] | None = None
) -> float:
    """Expected calibration error (see `Metrics.ece`), where each prediction may count by its weight, float [n]."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    counts = np.ones(len(truth)) if weights is None else weights / weights.mean()
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [abs((counts * (right - confidence))[bins == bin_].sum()) / len(truth) for bin_ in np.unique(bins)]
    return float(sum(gaps))
