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

from stser_core.errors import MissingExtraError, UsageError
from stser_core.training.baselines.baseline import Baseline

BASELINES = {"egemaps": ("opensmile", "sklearn"), "tfidf": ("sklearn",), "mdre": ("opensmile",), "att-align": ()}
"""The names that the command line takes, and the packages of the extra [baselines] that each needs."""


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
