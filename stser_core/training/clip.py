"""Clips, the corpora that readers make of them, and digests of their content."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from stser_core.emotions import LABELS
from stser_core.errors import DataError, reason

SPLITS: tuple[str, ...] = ("train", "validation", "test")
"""The parts that a corpus may fix for its clips."""


@dataclass(frozen=True)
class Clip:
    """One utterance with its label."""

    id: str  # unique over all corpora: <corpus>/<name>
    path: Path | None  # the recording, or None where there are only words
    text: str | None  # as the corpus writes it (not normalised), or None where it is not known
    label: str  # one of LABELS (within a reader: the corpus's word)
    speaker: str  # unique over all corpora; the same name means the same person, and folds keep it together
    session: str | None = None  # what leave-one-session-out leaves out, or None where the corpus has none
    split: str | None = None  # one of SPLITS where the corpus fixes it
    language: str | None = None  # two letters (ISO 639-1)
    corpus: str = field(kw_only=True)
    gender: str | None = None  # F or M
    # proportion of annotators who chose each of LABELS, where that is known: the target of training
    label_distribution: tuple[float, ...] | None = None
    # Neutral only because of where it comes from: a routine call, or a service dialogue. Training draws such clips in a
    # proportion of their own, and they are never validated with.
    weak: bool = False

    @property
    def target(self) -> tuple[float, ...]:
        """The target of training: the probability of each of `LABELS`."""
        return self.label_distribution or tuple(float(label == self.label) for label in LABELS)


@dataclass(frozen=True)
class Corpus:
    """All clips of a corpus that carry one of the four emotions."""

    clips: tuple[Clip, ...]  # in the order of their ids
    left_out: Mapping[str, int]  # how many clips, by the reason or by the corpus's word for their emotion
    # sentences for whoever trains on it: counts that differ from the published ones, parts that are missing
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Number of clips of each label, in the order of `LABELS`."""
        found = Counter(clip.label for clip in self.clips)
        return {label: found[label] for label in LABELS}


def content_key(path: Path) -> str:
    """A digest of a recording's content; raises `DataError` where it cannot be read."""
    try:
        stat = path.stat()
        return _digest(path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise DataError(f"The recording {path} cannot be read ({reason(error)}).") from error


@lru_cache(maxsize=1 << 17)
def _digest(path: Path, size: int, modified_ns: int) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


def fingerprint(*parts: Sequence[Clip]) -> str:
    """A digest of the clips of each part: their recordings' content, wherever they are, their labels and texts.

    Raises `DataError` where a recording cannot be read.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"\n")
        for clip in part:
            content = "" if clip.path is None else content_key(clip.path)
            digest.update(f"{content} {astuple(replace(clip, path=None))}\n".encode())
    return digest.hexdigest()
