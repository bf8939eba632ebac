"""The four emotions, in their order."""

LABELS: tuple[str, ...] = ("angry", "happy", "neutral", "sad")
"""The label set in the order of every probability vector, confusion matrix and CSV column."""


def index(label: str) -> int:
    """Position of `label` in `LABELS`; raises `ValueError` for another word."""
    return LABELS.index(label)
