"""Rivals, for an honest table: other ways to answer the same test clips after the same training clips.

| key         | what                                                         | judges              |
| ----------- | ------------------------------------------------------------ | ------------------- |
| `egemaps`   | openSMILE's eGeMAPS functionals, support vector machine      | sound               |
| `tfidf`     | TF-IDF of words and word pairs, logistic regression          | text                |
| `mdre`      | two recurrent encoders, after Yoon et al. 2018               | sound and text      |
| `att-align` | words that attend to speech frames, after Xu et al. 2019     | sound and text      |

The two networks are own implementations from the papers' descriptions; each says what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from stser_core.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from stser_core.training.folds import Fold
    from stser_core.training.sound_cache import SoundCache


class Rival(Protocol):
    """Learns from a fold's training part and answers its test part."""

    @property
    def name(self) -> str:
        """As the table prints it."""
        ...

    def answer(self, fold: Fold, sounds: SoundCache, cache: Path, seed: int) -> NDArray[np.float32]:
        """Train, and answer every test clip.

        Args:
            fold: Nothing of its test part is learnt from.
            sounds: Has the sound of every clip of the fold.
            cache: Where features are kept.
            seed: The same seed gives the same answers.

        Returns:
            float32 [test clips, labels] in the order of `LABELS`: probabilities, or 1 for the label that was decided
            on. Clips that the rival cannot judge, for want of sound or text, are rows of NaN.

        Raises:
            DataError: Too little is left to learn from.
            MissingExtraError: A package that it needs is not installed.
        """
        ...


def _egemaps() -> Rival:
    from stser_core.training.rivals.egemaps import Egemaps

    return Egemaps()


def _tfidf() -> Rival:
    from stser_core.training.rivals.tfidf import Tfidf

    return Tfidf()


def _mdre() -> Rival:
    from stser_core.training.rivals.mdre import Mdre

    return Mdre()


def _att_align() -> Rival:
    from stser_core.training.rivals.att_align import AttAlign

    return AttAlign()


RIVALS: Mapping[str, Callable[[], Rival]] = MappingProxyType(
    {"egemaps": _egemaps, "tfidf": _tfidf, "mdre": _mdre, "att-align": _att_align}
)
"""What makes each rival, by the name that the command line takes."""

_PACKAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"egemaps": ("opensmile", "sklearn"), "tfidf": ("sklearn",)}
)


def rival(name: str) -> Rival:
    """Make a rival with its default settings.

    Args:
        name: A key of `RIVALS`, in any case.

    Raises:
        UsageError: There is no such rival.
        MissingExtraError: A package that it needs is not installed.
    """
    make = RIVALS.get(name.lower())
    if make is None:
        raise UsageError(f"There is no rival {name!r}; choose one of {', '.join(RIVALS)}.")
    for package in _PACKAGES.get(name.lower(), ()):
        if find_spec(package) is None:
            raise MissingExtraError(f"The rival {name.lower()}", "rivals")
    return make()


__all__ = ["RIVALS", "Rival", "rival"]
