"""Baselines, for an honest table: other ways to answer the same test clips after the same training clips.

| key         | what                                                         | reads               |
| ----------- | ------------------------------------------------------------ | ------------------- |
| `egemaps`   | openSMILE's eGeMAPS functionals, support vector machine      | sound               |
| `tfidf`     | TF-IDF of words and word pairs, logistic regression          | text                |
| `mdre`      | two recurrent encoders, after Yoon et al. 2018               | sound and text      |
| `att-align` | words that attend to speech frames, after Xu et al. 2019     | sound and text      |
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stser_core.errors import MissingExtraError, UsageError
from stser_core.training.caches import SoundCache
from stser_core.training.splits import Fold

BASELINES = {"egemaps": ("opensmile", "sklearn"), "tfidf": ("sklearn",), "mdre": ("opensmile",), "att-align": ()}
"""The names that the command line takes, and the packages of the extra [baselines] that each needs."""


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
            DataError: No clip can be trained on.
        """
        ...


def baseline_of(name: str) -> Baseline:
    """Make a baseline with its default settings.

    Raises:
        UsageError: The name is unknown.
        MissingExtraError: A package that it needs is not installed.
    """
    key = name.lower()
    if key not in BASELINES:
        raise UsageError(f"Unknown baseline {name!r}; choose from {', '.join(BASELINES)}.")
    if any(find_spec(package) is None for package in BASELINES[key]):
        raise MissingExtraError(f"The baseline {key}", "baselines")
    from stser_core.training.baselines import classical, networks

    if key == "egemaps":
        return classical.Egemaps()
    if key == "tfidf":
        return classical.Tfidf()
    if key == "mdre":
        return networks.NetworkBaseline("MDRE-like", networks.DualEncoder, units=128)
    return networks.NetworkBaseline("Att-align-like", networks.AlignedEncoder, units=64)
