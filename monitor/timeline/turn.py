"""A turn: an utterance with all that was found out about it, one row of the timeline.

`monitor.pipeline.scoring` makes turns (`Turn.of`), and reading a timeline back makes the same ones (`Turn.read`):
values are rounded once, when the turn is made, as docs/timeline.md lays down.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import accumulate
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from monitor.flow import Seconds, Share, Transcript, Word
from stser_core.emotions import LABELS
from stser_core.files import utf8
from stser_core.scores import CLASSIFIERS, EmotionScores

TEXTS = ("recording", "speaker", "transcript", "checkpoint")
COUNTS = ("channel", "turn", "dropped_ms")
EMOTIONS = ("emotion", *(f"{classifier}_emotion" for classifier in CLASSIFIERS))

SALIENT_COLUMNS: tuple[str, ...] = ("salient_start_s", "salient_end_s")
"""The columns that follow `COLUMNS` where the timeline explains."""

MUSIC = "[music]"
"""The transcript of a turn that is music, as subtitles write it; it has no emotion, and is nobody's talk."""

STARTED_AT = "started_at"
"""The last column of a live timeline: the time of day at which the turn started, ISO 8601 with its offset from UTC."""

SALIENCE = "salience"
"""The key of the attention on each 100 ms, in JSON Lines that explain."""

STEP_S = 0.1
"""Seconds of one value of `EmotionScores.salience`."""

_HALF = 0.5
_TOLERANCE = 1e-6
"""The attention on a stretch is a sum of 32-bit numbers: a half that is short by this is a half."""

_DECIMALS = 4
_SUM_TOLERANCE = 0.02
"""Printed probabilities sum to 1 exactly; a spreadsheet may have cut decimals off."""

_Ordinal: TypeAlias = Annotated[int, Meta(ge=1, le=2**53)]
_Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]
_Level: TypeAlias = Annotated[float, Meta(ge=-1000, le=1000)]
_Emotion: TypeAlias = Literal["angry", "happy", "neutral", "sad"]
_Probabilities: TypeAlias = Annotated[Mapping[_Emotion, Share], Meta(min_length=len(LABELS))]


@dataclass(frozen=True)
class Turn:
    """One turn; `None` is what is not known. docs/timeline.md describes the columns, which are the first fields."""

    recording: str
    channel: _Ordinal  # counts from 1
    speaker: str
    turn: _Ordinal  # counts from 1 over the whole timeline
    start_s: Seconds
    end_s: Seconds
    emotion: _Emotion | None = None
    confidence: Share | None = None
    # To four decimals, so that they sum to 1.
    p_angry: Share | None = None
    p_happy: Share | None = None
    p_neutral: Share | None = None
    p_sad: Share | None = None
    # The most probable emotion of each classifier that answered.
    speech_emotion: _Emotion | None = None
    text_emotion: _Emotion | None = None
    bimodal_emotion: _Emotion | None = None
    transcript: str | None = None
    transcript_confidence: Share | None = None
    loudness_dbfs: _Level | None = None
    dropped_ms: _Count = 0
    checkpoint: str = ""
    words: tuple[Word, ...] | None = None  # the words with their times; a CSV has none
    # The probabilities of each classifier that answered; a CSV has none.
    classifiers: Mapping[str, _Probabilities] | None = None
    # Every further column or key, under its name: `STARTED_AT` of a live turn, `SALIENT_COLUMNS` and `SALIENCE` where
    # the turn is explained, and what others have added to a file.
    extra: Mapping[str, Any] = field(default_factory=dict)

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
    ) -> "Turn":
        """Make a turn of exact values, which it rounds; a loudness that is not finite becomes `None`."""
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

    @classmethod
    def read(cls, values: Mapping[str, object]) -> "Turn":
        """Make a turn of the values in a file; columns and keys beyond the timeline's own are kept as `extra`.

        Every column is present, with a text, an integer or a float, or `None` for what is not known.

        Raises:
            ValueError: With the column, its value and what is expected.
        """
        known = {name: values[name] for name in (*COLUMNS, "words", "classifiers") if name in values}
        empty = {name: "" for name in TEXTS if known[name] is None}
        try:
            turn = msgspec.convert({**known, **empty}, cls)
        except msgspec.ValidationError as error:
            reason, _, place = str(error).partition(" - at `$.")
            column = re.match(r"\w*", place)
            value = values.get(column[0]) if column else None
            raise ValueError(f"{place.rstrip('`')} {_shown(value)} does not fit ({reason})") from error
        turn._check()
        extra = {name: value for name, value in values.items() if name not in known}
        return replace(turn, transcript=turn.transcript or None, extra=extra)

    def _check(self) -> None:
        """Refuse values that do not fit each other."""
        if self.end_s < self.start_s:
            raise ValueError(f"end_s {self.end_s} lies before start_s {self.start_s}")
        together = self.emotion, self.confidence, self.p_angry, self.p_happy, self.p_neutral, self.p_sad
        if any(value is None for value in together) and any(value is not None for value in together):
            raise ValueError("emotion, confidence and the four probabilities are not all there, nor all empty")
        total = math.fsum(self.probabilities or (1,))
        if abs(total - 1) > _SUM_TOLERANCE:
            raise ValueError(f"the four probabilities sum to {total:.4f}, not to 1")

    @property
    def probabilities(self) -> tuple[float, float, float, float] | None:
        """The four probabilities in the order of `LABELS`; `None` where the turn was not scored."""
        if self.p_angry is None or self.p_happy is None or self.p_neutral is None or self.p_sad is None:
            return None
        return self.p_angry, self.p_happy, self.p_neutral, self.p_sad

    @property
    def is_music(self) -> bool:
        """Whether the turn is music, such as that on hold."""
        return self.transcript == MUSIC

    @property
    def start_ms(self) -> int:
        """The start in whole milliseconds, in which sums are exact."""
        return round(self.start_s * 1000)

    @property
    def end_ms(self) -> int:
        """The end in whole milliseconds."""
        return round(self.end_s * 1000)

    @property
    def length_ms(self) -> int:
        """The length in whole milliseconds."""
        return self.end_ms - self.start_ms

    @property
    def place(self) -> tuple[int, int, int]:
        """What turns are sorted by to be read: start, end and number."""
        return self.start_ms, self.end_ms, self.turn

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

    def without_words(self) -> "Turn":
        """The same turn without anything of what was said; music says nothing."""
        return self if self.is_music else replace(self, transcript=None, transcript_confidence=None, words=None)

    def values(self) -> dict[str, str | int | float | None]:
        """A value for each of `COLUMNS`, in their order."""
        return {column: getattr(self, column) for column in COLUMNS}


COLUMNS: tuple[str, ...] = tuple(one.name for one in fields(Turn))[:-3]
"""The columns of a timeline, in their order; one that is in none of the lists above holds a number."""


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


def salient_steps(salience: Sequence[float]) -> tuple[int, int]:
    """Find the shortest contiguous stretch that holds at least half of the attention: its first step, and one past it.

    Of several that are equally short, it is the one that holds most; of those, the first. The proportions of the
    attention on each step, at least one, sum to 1.
    """
    sums = [0.0, *accumulate(salience)]
    for length in range(1, len(salience)):
        held = [after - before for before, after in zip(sums, sums[length:], strict=False)]
        if (most := max(held)) >= _HALF - _TOLERANCE:
            first = next(place for place, each in enumerate(held) if each >= most - _TOLERANCE)
            return first, first + length
    return 0, len(salience)


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
    printed = dict(zip(LABELS, printed_probabilities(scores.ensemble), strict=True))
    return {
        "emotion": scores.emotion,
        "confidence": printed[scores.emotion],
        **{f"p_{label}": probability for label, probability in printed.items()},
        **{f"{name}_emotion": scores.emotion_of(name) for name in CLASSIFIERS},
        "classifiers": {
            name: dict(zip(LABELS, printed_probabilities(each), strict=True))
            for name, each in scores.by_classifier.items()
        },
        "extra": _explanation(scores.salience, start_s, end_s) if scores.salience else {},
    }


def _explanation(salience: Sequence[float], start_s: float, end_s: float) -> dict[str, object]:
    first, after = salient_steps(salience)
    span = (start_s + first * STEP_S, min(end_s, start_s + after * STEP_S))
    rounded = {column: round(second, 3) for column, second in zip(SALIENT_COLUMNS, span, strict=True)}
    return {**rounded, SALIENCE: list(printed_probabilities(salience))}


def _rounded(value: float | None, decimals: int) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, decimals)


def _shown(value: object) -> str:
    """A value in a message: never more than a glance, and nothing that a terminal would obey."""
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:37]}…"
