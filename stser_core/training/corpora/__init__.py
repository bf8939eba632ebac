"""Corpora: a reader for each, all yielding the same clips."""

from collections.abc import Callable, Mapping
from pathlib import Path

from stser_core.errors import UsageError
from stser_core.training.clip import Corpus
from stser_core.training.corpora import iemocap, manifest, meld
from stser_core.training.corpora.named import NAMED

READERS: Mapping[str, Callable[[Path], Corpus]] = {
    "iemocap": iemocap.read,
    **NAMED,
    "meld": meld.read,
    "manifest": manifest.read,
}
"""Every reader by the name that `--corpus` takes."""


def read(corpus: str, directory: Path) -> Corpus:
    """Read a corpus by its name."""
    reader = READERS.get(corpus.lower())
    if reader is None:
        raise UsageError(f"Unknown corpus {corpus!r}; choose from {', '.join(READERS)}.")
    return reader(directory)
