"""What a corpus yields: clips, and what its reader noticed on the way."""

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
        opinions: Which share of those who judged it chose each of `LABELS`, where that is known: annotators who do
            not agree, or a teacher. Training aims at these shares; everything else goes by `label`.
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
    opinions: tuple[float, ...] | None = None

    @property
    def aim(self) -> tuple[float, ...]:
        """What training aims at: the share of each of `LABELS`, by the opinions or else by the label alone."""
        return self.opinions or tuple(float(label == self.label) for label in LABELS)


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
