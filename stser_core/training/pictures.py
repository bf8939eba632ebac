"""Pictures of results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from stser_core.emotions import LABELS
from stser_core.errors import MissingExtraError, OutputError

if TYPE_CHECKING:
    import numpy as np


def draw_confusion(counts: np.ndarray[Any, Any], title: str, path: Path) -> None:
    """Draw a confusion matrix, as shares of each row, with the counts beside them.

    Args:
        counts: int [labels, labels], rows = truth.
        title: Above the picture.
        path: PNG, SVG or PDF, by its ending.

    Raises:
        MissingExtraError: matplotlib or scikit-learn is not installed.
        OutputError: The file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
        from sklearn.metrics import ConfusionMatrixDisplay
    except ImportError as error:
        raise MissingExtraError("Drawing a confusion matrix", "train") from error

    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    figure = Figure(figsize=(5.2, 4.6), layout="constrained")
    axes = figure.subplots()
    shown = ConfusionMatrixDisplay(shares, display_labels=LABELS)
    shown.plot(ax=axes, cmap="Blues", values_format=".0%", im_kw={"vmin": 0, "vmax": 1})
    for row, column in ((row, column) for row in range(len(LABELS)) for column in range(len(LABELS))):
        shown.text_[row, column].set_text(f"{shares[row, column]:.0%}\n{counts[row, column]:,}")
    axes.set(title=title, xlabel="answered", ylabel="true")
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}).") from error
