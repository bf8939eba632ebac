"""How often each emotion is expected, where that is not as often as in training.

In training all labels count alike; in a call most turns are neutral. Bayes' rule moves probabilities from the one to
the other: p'(label | utterance) ∝ p(label | utterance) · expected share / share in training (Saerens, Latinne and
Decaestecker 2002, "Adjusting the Outputs of a Classifier to New a Priori Probabilities",
https://doi.org/10.1162/089976602753284446).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stser_core.emotions import LABELS
from stser_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_TOLERATED = 1e-6


@dataclass(frozen=True)
class Prior:
    """The share of utterances that is expected to carry each emotion.

    Attributes:
        shares: In the order of `LABELS`, each above 0, together 1.
    """

    shares: tuple[float, ...]

    @classmethod
    def read(cls, text: str) -> Prior:
        """Read `neutral=0.7` or `neutral=0.6,angry=0.2`; emotions that are not named share the rest alike.

        Raises:
            UsageError: That is not what it says, or no share is left for an emotion.
        """
        named: dict[str, float] = {}
        for one in text.split(","):
            label, equals, share = (part.strip() for part in one.partition("="))
            if not equals or label not in LABELS or label in named:
                raise UsageError(
                    f"A prior is written as neutral=0.7,angry=0.1, each of {', '.join(LABELS)} at most once."
                )
            named[label] = _share(label, share)
        left = 1 - sum(named.values())
        others = [label for label in LABELS if label not in named]
        _check(text, left, others)
        return cls(tuple(named.get(label, left / len(others) if others else 0.0) for label in LABELS))

    def __str__(self) -> str:
        """As `read` reads it, every emotion named."""
        return ",".join(f"{label}={share:.4g}" for label, share in zip(LABELS, self.shares, strict=True))

    def applied(self, probabilities: NDArray[np.floating]) -> NDArray[np.floating]:
        """Move probabilities, float [..., labels], from labels that come alike to labels that come as expected."""
        moved = probabilities * np.array(self.shares)
        expected: NDArray[np.floating] = moved / moved.sum(axis=-1, keepdims=True)
        return expected


def _check(text: str, left: float, others: Sequence[str]) -> None:
    """Whether the shares are together 1, with something left for every emotion that is not named."""
    if left < -_TOLERATED or (not others and left > _TOLERATED):
        raise UsageError(f"The prior {text!r} adds up to {1 - left:.7g}; all four shares together are 1.")
    if others and left < _TOLERATED:
        raise UsageError(f"The prior {text!r} leaves nothing for {', '.join(others)}; each needs a share above 0.")


def _share(label: str, text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise UsageError(f"The expected share of {label} lies between 0 and 1, such as 0.7; it is {text!r}.")
    return share
