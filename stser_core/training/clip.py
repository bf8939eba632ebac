"""Clips, and the corpora that readers make of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stser_core.emotions import LABELS

SPLITS: tuple[str, ...] = ("train", "validation", "test")
"""The parts that a corpus may fix for its clips."""


@dataclass(frozen=True)
class Clip:
    """One utterance with its label.

    Attributes:
        id: Unique over all corpora: `<corpus>/<name>`.
        path: The recording, or `None` where there are only words.
        text: What was said, as the corpus writes it (not normalised), or `None` where that is not known.
        label: One of `LABELS`.
        speaker: Unique over all corpora; the same name means the same person, and folds keep it together.
        session: The session that leave-one-session-out leaves out, or `None` where the corpus has none.
        split: One of `SPLITS` where the corpus fixes it, else `None`.
        language: Two-letter code (ISO 639-1), or `None` where it is not known.
        corpus: The corpus's name.
        gender: `F` or `M` of the speaker, or `None` where it is not known.
        label_distribution: The proportion of annotators who chose each of `LABELS`, where that is known: the target of
            training. Everything else uses `label`.
        weak: Neutral only because of where it comes from: a routine call, or a service dialogue. Training draws such
            clips in a proportion of their own, and they are never validated with.
    """

    id: str
    path: Path | None
    text: str | None
    label: str
    speaker: str
    session: str | None
    split: str | None
    language: str | None
    corpus: str
    gender: str | None
    label_distribution: tuple[float, ...] | None = None
    weak: bool = False

    @property
    def target(self) -> tuple[float, ...]:
        """The target of training: the probability of each of `LABELS`."""
        return self.label_distribution or tuple(float(label == self.label) for label in LABELS)


@dataclass(frozen=True)
class Corpus:
    """All clips of a corpus that carry one of the four emotions.

    Attributes:
        name: The reader's name, such as `iemocap`.
        clips: In the order of their ids.
        left_out: How many clips were left out, by the reason or by the corpus's word for their emotion.
        notes: Sentences for whoever trains on it: counts that differ from the published ones, parts that are
            missing. The command line prints them on standard error.
    """

    name: str
    clips: tuple[Clip, ...]
    left_out: Mapping[str, int]
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Number of clips of each label, in the order of `LABELS`."""
        found = Counter(clip.label for clip in self.clips)
        return {label: found[label] for label in LABELS}
