"""The four emotions, in their order."""

LABELS: tuple[str, ...] = ("angry", "happy", "neutral", "sad")
"""The label set in the order of every probability vector, confusion matrix and CSV column."""
