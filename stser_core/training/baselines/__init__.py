"""Baselines, for an honest table: other ways to answer the same test clips after the same training clips.

| key         | what                                                         | reads               |
| ----------- | ------------------------------------------------------------ | ------------------- |
| `egemaps`   | openSMILE's eGeMAPS functionals, support vector machine      | sound               |
| `tfidf`     | TF-IDF of words and word pairs, logistic regression          | text                |
| `mdre`      | two recurrent encoders, after Yoon et al. 2018               | sound and text      |
| `att-align` | words that attend to speech frames, after Xu et al. 2019     | sound and text      |

The two networks are own implementations from the papers' descriptions; `networks` says what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stser_core.errors import MissingExtraError, UsageError
from stser_core.training.caches import SoundCache
from stser_core.training.splits import Fold


class Baseline(Protocol):
    """Learns from a fold's training part and answers its test part."""

    @property
    def name(self) -> str:
        """As the table prints it."""
        ...

    def answer(self, fold: Fold, sounds: SoundCache, cache: Path, seed: int) -> NDArray[np.float32]:
        """Train, and answer every test clip.

        Args:
            fold: What is learnt from and answered.
            sounds: Has the sound of all clips.
            cache: Where features may be kept.
            seed: Random seed.

        Returns:
            float32 [test clips, labels] in the order of `LABELS`: probabilities, or 1 for the label that was decided
            on. Clips that the baseline cannot answer, for want of sound or text, are rows of NaN.

        Raises:
            DataError: There is nothing to learn from.
            MissingExtraError: A package that it needs is not installed.
        """
        ...


def _egemaps() -> Baseline:
    from stser_core.training.baselines.egemaps import Egemaps

    return Egemaps()


def _tfidf() -> Baseline:
    from stser_core.training.baselines.tfidf import Tfidf

    return Tfidf()


def _mdre() -> Baseline:
    from stser_core.training.baselines.networks import DualEncoder, NetworkBaseline

    return NetworkBaseline("MDRE-like", DualEncoder, units=128)


def _att_align() -> Baseline:
    from stser_core.training.baselines.networks import AlignedEncoder, NetworkBaseline

    return NetworkBaseline("Att-align-like", AlignedEncoder, units=64)


BASELINES: Mapping[str, Callable[[], Baseline]] = MappingProxyType(
    {"egemaps": _egemaps, "tfidf": _tfidf, "mdre": _mdre, "att-align": _att_align}
)
"""What makes each baseline, by the name that the command line takes."""

_PACKAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"egemaps": ("opensmile", "sklearn"), "tfidf": ("sklearn",)}
)


def baseline_of(name: str) -> Baseline:
    """Make a baseline with its default settings.

    Raises:
        UsageError: The name is unknown.
        MissingExtraError: A package that it needs is not installed.
    """
    make = BASELINES.get(name.lower())
    if make is None:
        raise UsageError(f"Unknown baseline {name!r}; choose from {', '.join(BASELINES)}.")
    for package in _PACKAGES.get(name.lower(), ()):
        if find_spec(package) is None:
            raise MissingExtraError(f"The baseline {name.lower()}", "baselines")
    return make()


__all__ = ["BASELINES", "Baseline", "baseline_of"]
