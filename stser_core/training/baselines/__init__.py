"""Baselines, for an honest table: other ways to answer the same test clips after the same training clips."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.util import find_spec

from stser_core.errors import MissingExtraError, UsageError
from stser_core.training.baselines.baseline import Baseline, Egemaps, Tfidf
from stser_core.training.baselines.networks import AlignedEncoder, DualEncoder, NetworkBaseline

BASELINES: Mapping[str, tuple[Callable[[], Baseline], tuple[str, ...]]] = {
    "egemaps": (Egemaps, ("opensmile", "sklearn")),
    "tfidf": (Tfidf, ("sklearn",)),
    "mdre": (partial(NetworkBaseline, "MDRE-like", DualEncoder, units=128), ("opensmile",)),
    "att-align": (partial(NetworkBaseline, "Att-align-like", AlignedEncoder, units=64), ()),
}
"""By the names that the command line takes; with the packages of the extra [baselines] that each needs."""


def baselines_of(names: Iterable[str]) -> dict[str, Baseline]:
    """Baselines by their names; raises `UsageError` for an unknown one, `MissingExtraError` without its packages."""
    found = {}
    for name in map(str.lower, names):
        if name not in BASELINES:
            raise UsageError(f"Unknown baseline {name!r}; choose from {', '.join(BASELINES)}.")
        make, packages = BASELINES[name]
        if any(find_spec(package) is None for package in packages):
            raise MissingExtraError(f"The baseline {name}", "baselines")
        found[name] = make()
    return found
