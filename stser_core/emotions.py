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
    """Map a corpus's word or code for an emotion, in any case, to one of `LABELS`, or to `None` for another emotion.

    Excited is merged into happy, as in the paper's four-class IEMOCAP.
    """
    folded = word.strip().lower()
    return folded if folded in LABELS else _MERGES.get(folded)


def index(label: str) -> int:
    """Position of `label` in `LABELS`; raises `ValueError` for another word."""
    return LABELS.index(label)
