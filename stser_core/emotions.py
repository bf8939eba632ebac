"""The four emotions, their order, and how other corpora's words map to them."""

from types import MappingProxyType

LABELS: tuple[str, ...] = ("angry", "happy", "neutral", "sad")
"""The label set in the order of every probability vector, confusion matrix and CSV column."""

_MERGES = MappingProxyType(
    {
        "anger": "angry",
        "ang": "angry",
        "happiness": "happy",
        "hap": "happy",
        "excited": "happy",
        "excitement": "happy",
        "exc": "happy",
        "joy": "happy",
        "joyful": "happy",
        "amusement": "happy",
        "neu": "neutral",
        "no emotion": "neutral",
        "sadness": "sad",
        "grief": "sad",
    }
)


def merge(word: str) -> str | None:
    """Map a corpus's word for an emotion to one of `LABELS`.

    Excited is merged into happy, as in the paper's four-class IEMOCAP.

    Args:
        word: The corpus's own word or code, in any case.

    Returns:
        The label, or `None` for an emotion outside the four.
    """
    folded = word.strip().lower()
    return folded if folded in LABELS else _MERGES.get(folded)


def index(label: str) -> int:
    """Position of `label` in `LABELS`.

    Raises:
        ValueError: The label is not one of the four.
    """
    return LABELS.index(label)
