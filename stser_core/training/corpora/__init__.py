"""Corpora: one reader a file, all yielding the same clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from stser_core.errors import UsageError
from stser_core.training.clip import Clip, Corpus
from stser_core.training.corpora import (
    ased,
    crema_d,
    emodb,
    iemocap,
    manifest,
    meld,
    nemo,
    ravdess,
    savee,
    tess,
)

Reader = Callable[[Path], Corpus]

READERS: Mapping[str, Reader] = MappingProxyType(
    {
        "iemocap": iemocap.read,
        "ravdess": ravdess.read,
        "crema-d": crema_d.read,
        "emodb": emodb.read,
        "nemo": nemo.read,
        "ased": ased.read,
        "tess": tess.read,
        "savee": savee.read,
        "meld": meld.read,
        "manifest": manifest.read,
    }
)
"""Every reader by the name that `--corpus` takes."""


def read(corpus: str, directory: Path) -> Corpus:
    """Read a corpus by its name.

    Args:
        corpus: A key of `READERS`.
        directory: The corpus's folder; for `manifest`, the file itself.

    Raises:
        UsageError: There is no such reader.
        DataError: The folder holds nothing of the corpus, half of it, or a clip twice.
    """
    reader = READERS.get(corpus.lower())
    if reader is None:
        raise UsageError(f"There is no corpus {corpus!r}; choose one of {', '.join(READERS)}.")
    return reader(directory)


__all__ = ["READERS", "Clip", "Corpus", "Reader", "read"]
