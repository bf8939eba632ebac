"""Checks the values of one row of a timeline and makes a `Turn` of them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from monitor.flow import Word
from monitor.timeline.turn import COLUMNS, Turn
from stser_core.scores import CLASSIFIERS

# Printed probabilities sum to 1 exactly; a spreadsheet may have cut decimals off.
_SUM_TOLERANCE = 0.02

_Text: TypeAlias = str | None
_Ordinal: TypeAlias = Annotated[int, Meta(ge=1, le=2**53)]
_Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]
_Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=1e9)]
_Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
_Level: TypeAlias = Annotated[float, Meta(ge=-1000, le=1000)]
_Emotion: TypeAlias = Literal["angry", "happy", "neutral", "sad"]


class _Word(msgspec.Struct):
    text: _Text
    start_s: _Seconds
    end_s: _Seconds
    confidence: _Share


class _Probabilities(msgspec.Struct, forbid_unknown_fields=True):
    angry: _Share
    happy: _Share
    neutral: _Share
    sad: _Share


class _Row(msgspec.Struct):
    recording: _Text
    channel: _Ordinal
    speaker: _Text
    turn: _Ordinal
    start_s: _Seconds
    end_s: _Seconds
    emotion: _Emotion | None
    confidence: _Share | None
    p_angry: _Share | None
    p_happy: _Share | None
    p_neutral: _Share | None
    p_sad: _Share | None
    speech_emotion: _Emotion | None
    text_emotion: _Emotion | None
    bimodal_emotion: _Emotion | None
    transcript: _Text
    transcript_confidence: _Share | None
    loudness_dbfs: _Level | None
    dropped_ms: _Count
    checkpoint: _Text
    words: list[_Word] | None = None
    classifiers: dict[str, _Probabilities] | None = None


def checked_turn(values: Mapping[str, object]) -> Turn:
    """Make a turn of values by column; columns and keys beyond the timeline's own are kept as `extra`.

    Args:
        values: Texts, integers and floats, or `None` for what is not known; every column is present.

    Raises:
        ValueError: With the column, its value and what is expected.
    """
    try:
        row = msgspec.convert(values, _Row)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        column = re.match(r"\w*", place)
        value = values.get(column[0]) if column else None
        raise ValueError(f"{place.rstrip('`')} {_shown(value)} does not fit ({reason})") from error
    if row.end_s < row.start_s:
        raise ValueError(f"end_s {row.end_s} lies before start_s {row.start_s}")
    emotions = {name: getattr(row, f"{name}_emotion") for name in CLASSIFIERS}
    return Turn(
        recording=row.recording or "",
        channel=row.channel,
        speaker=row.speaker or "",
        turn=row.turn,
        start_s=row.start_s,
        end_s=row.end_s,
        emotion=row.emotion,
        confidence=row.confidence,
        probabilities=_probabilities(row),
        classifier_emotions={name: emotion for name, emotion in emotions.items() if emotion is not None},
        transcript=row.transcript or None,
        transcript_confidence=row.transcript_confidence,
        loudness_dbfs=row.loudness_dbfs,
        dropped_ms=row.dropped_ms,
        checkpoint=row.checkpoint or "",
        words=None
        if row.words is None
        else tuple(Word(one.text or "", one.start_s, one.end_s, one.confidence) for one in row.words),
        classifiers=None
        if row.classifiers is None
        else {name: msgspec.structs.astuple(each) for name, each in row.classifiers.items()},
        extra={name: value for name, value in values.items() if name not in {*COLUMNS, "words", "classifiers"}},
    )


def _probabilities(row: _Row) -> tuple[float, ...] | None:
    each = (row.p_angry, row.p_happy, row.p_neutral, row.p_sad)
    known = tuple(value for value in each if value is not None)
    if row.emotion is None and row.confidence is None and not known:
        return None
    if row.emotion is None or row.confidence is None or len(known) != len(each):
        raise ValueError("emotion, confidence and the four probabilities are not all there, nor all empty")
    if abs(math.fsum(known) - 1) > _SUM_TOLERANCE:
        raise ValueError(f"the four probabilities sum to {math.fsum(known):.4f}, not to 1")
    return known


def _shown(value: object) -> str:
    """A value in a message: never more than a glance, and nothing that a terminal would obey."""
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:37]}…"
