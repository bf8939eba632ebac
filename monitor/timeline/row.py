"""One turn of a finished timeline as plain data: what its file says of it, and nothing that needs a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from monitor.exporters.row import COLUMNS, Value, printed_probabilities, row
from monitor.flow import Turn, Word
from stser_core.emotions import LABELS
from stser_core.scores import CLASSIFIERS


@dataclass(frozen=True)
class TimelineRow:
    """One turn, as docs/architecture.md ("The CSV") lays down; `None` is what is not known.

    Attributes:
        recording: The recording's file name, or the device's.
        channel: Counts from 1.
        speaker: The channel's role, or `speaker1`, `speaker2`, …
        turn: Counts from 1 over the whole timeline.
        start_s: Seconds from the start of the recording, to the millisecond.
        end_s: Seconds from the start of the recording, to the millisecond.
        emotion: The most probable emotion, or `None` where the turn was not scored.
        confidence: Its probability.
        probabilities: Four probabilities in the order of `LABELS`.
        classifier_emotions: What each classifier that answered would have chosen.
        transcript: What was said, or `None` where no word is known.
        transcript_confidence: Mean confidence of the words in 0…1.
        loudness_dbfs: Root mean square in decibels below full scale.
        dropped_ms: Milliseconds of sound that were lost inside the turn.
        checkpoint: Name of the checkpoint that scored it.
        words: The words with their times (JSON Lines only).
        classifiers: The probabilities of each classifier that answered (JSON Lines only).
        extra: Every further column or key, under its name.
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

    @property
    def start_ms(self) -> int:
        """The start in whole milliseconds, in which sums are exact."""
        return round(self.start_s * 1000)

    @property
    def end_ms(self) -> int:
        """The end in whole milliseconds."""
        return round(self.end_s * 1000)

    def values(self) -> dict[str, Value]:
        """A value for each of the timeline's columns, in their order."""
        probabilities = self.probabilities or (None,) * len(LABELS)
        known: dict[str, Value] = {
            "recording": self.recording,
            "channel": self.channel,
            "speaker": self.speaker,
            "turn": self.turn,
            "start_s": self.start_s,
            "end_s": self.end_s,
            "emotion": self.emotion,
            "confidence": self.confidence,
            **{f"p_{label}": value for label, value in zip(LABELS, probabilities, strict=True)},
            **{f"{classifier}_emotion": self.classifier_emotions.get(classifier) for classifier in CLASSIFIERS},
            "transcript": self.transcript,
            "transcript_confidence": self.transcript_confidence,
            "loudness_dbfs": self.loudness_dbfs,
            "dropped_ms": self.dropped_ms,
            "checkpoint": self.checkpoint,
        }
        return {column: known[column] for column in COLUMNS}


def row_of(turn: Turn) -> TimelineRow:
    """A turn as it would be read back from its file, so that figures made of either are the same.

    Args:
        turn: Any turn.
    """
    values = row(turn)
    scores, transcript = turn.scores, turn.transcript
    said = transcript is not None and transcript.text != ""
    return TimelineRow(
        recording=turn.recording,
        channel=turn.channel,
        speaker=turn.speaker,
        turn=turn.turn,
        start_s=round(turn.start_s, 3),
        end_s=round(turn.end_s, 3),
        emotion=None if scores is None else scores.emotion,
        confidence=_number(values["confidence"]),
        probabilities=None if scores is None else printed_probabilities(scores.ensemble),
        classifier_emotions={name: emotion for name in CLASSIFIERS if (emotion := scores and scores.emotion_of(name))},
        transcript=transcript.text if said and transcript is not None else None,
        transcript_confidence=_number(values["transcript_confidence"]),
        loudness_dbfs=_number(values["loudness_dbfs"]),
        dropped_ms=turn.dropped_ms,
        checkpoint=turn.checkpoint,
        words=None if transcript is None else tuple(_printed(word) for word in transcript.words),
        classifiers=None
        if scores is None
        else {name: printed_probabilities(of) for name, of in scores.by_classifier.items()},
    )


def without_words(row: TimelineRow) -> TimelineRow:
    """The same turn without anything of what was said."""
    return replace(row, transcript=None, transcript_confidence=None, words=None)


def _printed(word: Word) -> Word:
    return Word(word.text, round(word.start_s, 3), round(word.end_s, 3), round(word.confidence, 4))


def _number(value: Value) -> float | None:
    return None if value is None else float(value)
