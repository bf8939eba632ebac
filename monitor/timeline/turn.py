"""A turn: an utterance with all that was found out about it, one row of the timeline.

The pipeline makes turns (`Turn.of`), and reading a timeline back makes the same ones: values are rounded once, when the
turn is made, as docs/timeline.md lays down.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from monitor.flow import Transcript, Word
from monitor.timeline.salience import STEP_S, salient_steps
from stser_core.emotions import LABELS, index
from stser_core.files import utf8
from stser_core.scores import CLASSIFIERS, EmotionScores

TEXTS = ("recording", "speaker", "transcript", "checkpoint")
COUNTS = ("channel", "turn", "dropped_ms")
EMOTIONS = ("emotion", *(f"{classifier}_emotion" for classifier in CLASSIFIERS))

COLUMNS: tuple[str, ...] = (
    "recording",
    "channel",
    "speaker",
    "turn",
    "start_s",
    "end_s",
    "emotion",
    "confidence",
    *(f"p_{label}" for label in LABELS),
    *(f"{classifier}_emotion" for classifier in CLASSIFIERS),
    "transcript",
    "transcript_confidence",
    "loudness_dbfs",
    "dropped_ms",
    "checkpoint",
)
"""The columns of a timeline, in their order; one that is in none of the lists above holds a number."""

SALIENT_COLUMNS: tuple[str, ...] = ("salient_start_s", "salient_end_s")
"""The columns that follow them where the timeline explains."""

MUSIC = "[music]"
"""The transcript of a turn that is music, as subtitles write it; it has no emotion, and is nobody's talk."""

STARTED_AT = "started_at"
"""The last column of a live timeline: the time of day at which the turn started, ISO 8601 with its offset from UTC."""

SALIENCE = "salience"
"""The key of the attention on each 100 ms, in JSON Lines that explain."""

Value: TypeAlias = "str | int | float | None"

_DECIMALS = 4


@dataclass(frozen=True)
class Turn:
    """One turn; `None` is what is not known. docs/timeline.md describes the columns.

    Attributes:
        channel: Counts from 1.
        turn: Counts from 1 over the whole timeline.
        probabilities: Four probabilities in the order of `LABELS`, to four decimals, that sum to 1.
        classifier_emotions: The most probable emotion of each classifier that answered.
        words: The words with their times; a CSV has none.
        classifiers: The probabilities of each classifier that answered; a CSV has none.
        extra: Every further column or key, under its name: `STARTED_AT` of a live turn, `SALIENT_COLUMNS` and
            `SALIENCE` where the turn is explained, and what others have added to a file.
    """

    recording: str
    channel: int
    speaker: str
    turn: int
    start_s: float
    end_s: float
    emotion: str | None = None
    confidence: float | None = None
    probabilities: tuple[float, ...] | None = None
    classifier_emotions: Mapping[str, str] = field(default_factory=dict)
    transcript: str | None = None
    transcript_confidence: float | None = None
    loudness_dbfs: float | None = None
    dropped_ms: int = 0
    checkpoint: str = ""
    words: tuple[Word, ...] | None = None
    classifiers: Mapping[str, tuple[float, ...]] | None = None
    extra: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        *,
        recording: str,
        channel: int,
        speaker: str,
        turn: int,
        start_s: float,
        end_s: float,
        scores: EmotionScores | None,
        transcript: Transcript | None,
        loudness_dbfs: float,
        dropped_ms: int = 0,
        checkpoint: str = "",
    ) -> Turn:
        """Make a turn of exact values, which it rounds; the loudness of digital silence is −∞."""
        return cls(
            recording=utf8(recording).decode(),
            channel=channel,
            speaker=utf8(speaker).decode(),
            turn=turn,
            start_s=round(start_s, 3),
            end_s=round(end_s, 3),
            loudness_dbfs=_rounded(loudness_dbfs, 1),
            dropped_ms=dropped_ms,
            checkpoint=checkpoint,
            **(_said(transcript) if transcript is not None else {}),
            **(_scored(scores, start_s, end_s) if scores is not None else {}),
        )

    @property
    def start_ms(self) -> int:
        """The start in whole milliseconds, in which sums are exact."""
        return round(self.start_s * 1000)

    @property
    def end_ms(self) -> int:
        """The end in whole milliseconds."""
        return round(self.end_s * 1000)

    @property
    def salience(self) -> tuple[float, ...] | None:
        """Proportion of the speech encoder's attention on each 100 ms; `None` where the turn is not explained."""
        found = self.extra.get(SALIENCE)
        return tuple(found) if isinstance(found, (list, tuple)) and found else None

    @property
    def salient_span(self) -> tuple[float, float] | None:
        """Start and end, in seconds, of the shortest stretch with half of the attention; `None` where not known."""
        start_s, end_s = (self.extra.get(column) for column in SALIENT_COLUMNS)
        if isinstance(start_s, (int, float)) and isinstance(end_s, (int, float)):
            return start_s, end_s
        return None

    @property
    def salient_words(self) -> frozenset[int]:
        """The words, counted from 0, whose middle lies in the salient stretch."""
        span = self.salient_span
        if span is None:
            return frozenset()
        middles = [(word.start_s + word.end_s) / 2 for word in self.words or ()]
        return frozenset(place for place, middle in enumerate(middles) if span[0] <= middle <= span[1])

    def without_words(self) -> Turn:
        """The same turn without anything of what was said."""
        return replace(self, transcript=None, transcript_confidence=None, words=None)

    def values(self) -> dict[str, Value]:
        """A value for each of `COLUMNS`, in their order."""
        probabilities = self.probabilities or (None,) * len(LABELS)
        special = {
            **{f"p_{label}": value for label, value in zip(LABELS, probabilities, strict=True)},
            **{f"{classifier}_emotion": self.classifier_emotions.get(classifier) for classifier in CLASSIFIERS},
        }
        return {column: special[column] if column in special else getattr(self, column) for column in COLUMNS}


def printed_probabilities(probabilities: Sequence[float]) -> tuple[float, ...]:
    """Round probabilities to four decimals so that the printed ones still sum to 1.

    Each is cut off after its fourth decimal, and what is missing to 1 goes to the largest remainders (the
    Hare–Niemeyer method). The order of the probabilities stays, and none moves by more than 0.0001.
    """
    scale = 10**_DECIMALS
    total = math.fsum(probabilities)
    exact = [probability / total * scale for probability in probabilities]
    units = [math.floor(value) for value in exact]
    by_remainder = sorted(range(len(units)), key=lambda place: units[place] - exact[place])
    for place in by_remainder[: scale - sum(units)]:
        units[place] += 1
    return tuple(unit / scale for unit in units)


def _said(transcript: Transcript) -> dict[str, Any]:
    return {
        "transcript": transcript.text or None,
        "transcript_confidence": _rounded(transcript.confidence, _DECIMALS),
        "words": tuple(
            Word(word.text, round(word.start_s, 3), round(word.end_s, 3), round(word.confidence, _DECIMALS))
            for word in transcript.words
        ),
    }


def _scored(scores: EmotionScores, start_s: float, end_s: float) -> dict[str, Any]:
    probabilities = printed_probabilities(scores.ensemble)
    return {
        "emotion": scores.emotion,
        "confidence": probabilities[index(scores.emotion)],
        "probabilities": probabilities,
        "classifier_emotions": {name: emotion for name in CLASSIFIERS if (emotion := scores.emotion_of(name))},
        "classifiers": {name: printed_probabilities(each) for name, each in scores.by_classifier.items()},
        "extra": _explanation(scores.salience, start_s, end_s) if scores.salience else {},
    }


def _explanation(salience: Sequence[float], start_s: float, end_s: float) -> dict[str, object]:
    first, after = salient_steps(salience)
    span = (start_s + first * STEP_S, min(end_s, start_s + after * STEP_S))
    rounded = {column: round(second, 3) for column, second in zip(SALIENT_COLUMNS, span, strict=True)}
    return {**rounded, SALIENCE: list(printed_probabilities(salience))}


def _rounded(value: float | None, decimals: int) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, decimals)
