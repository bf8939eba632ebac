"""Checks the values of one row of a timeline and makes a `Turn` of them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from monitor.flow import Word
from monitor.timeline.turn import COLUMNS, Turn
from stser_core.emotions import LABELS
from stser_core.scores import CLASSIFIERS

_WORDS = "words"
_CLASSIFIERS = "classifiers"
_LATEST_S = 1e9
_LOUDEST = 1000.0
_LARGEST_COUNT = 2**53
# Printed probabilities sum to 1 exactly; a spreadsheet may have cut decimals off.
_SUM_TOLERANCE = 0.02


def checked_turn(values: Mapping[str, object]) -> Turn:
    """Make a turn of values by column; columns and keys beyond the timeline's own are kept as `extra`.

    Args:
        values: Texts, integers and floats, or `None` for what is not known; every column is present.

    Raises:
        ValueError: With the column, its value and what is expected.
    """
    start_s = _known(values, "start_s", _number(values, "start_s", 0.0, _LATEST_S))
    end_s = _known(values, "end_s", _number(values, "end_s", 0.0, _LATEST_S))
    if end_s < start_s:
        raise ValueError(f"end_s {end_s} lies before start_s {start_s}")
    emotion, confidence, probabilities = _scores(values)
    return Turn(
        recording=_text(values, "recording") or "",
        channel=_count(values, "channel", 1),
        speaker=_text(values, "speaker") or "",
        turn=_count(values, "turn", 1),
        start_s=start_s,
        end_s=end_s,
        emotion=emotion,
        confidence=confidence,
        probabilities=probabilities,
        classifier_emotions={name: word for name in CLASSIFIERS if (word := _emotion(values, f"{name}_emotion"))},
        transcript=_text(values, "transcript") or None,
        transcript_confidence=_number(values, "transcript_confidence", 0.0, 1.0),
        loudness_dbfs=_number(values, "loudness_dbfs", -_LOUDEST, _LOUDEST),
        dropped_ms=_count(values, "dropped_ms", 0),
        checkpoint=_text(values, "checkpoint") or "",
        words=_words(values.get(_WORDS)),
        classifiers=_classifiers(values.get(_CLASSIFIERS)),
        extra={name: value for name, value in values.items() if name not in {*COLUMNS, _WORDS, _CLASSIFIERS}},
    )


def _scores(values: Mapping[str, object]) -> tuple[str | None, float | None, tuple[float, ...] | None]:
    emotion = _emotion(values, "emotion")
    confidence = _number(values, "confidence", 0.0, 1.0)
    each = [_number(values, f"p_{label}", 0.0, 1.0) for label in LABELS]
    known = tuple(value for value in each if value is not None)
    if emotion is None and confidence is None and not known:
        return None, None, None
    if emotion is None or confidence is None or len(known) != len(LABELS):
        raise ValueError("emotion, confidence and the four probabilities are not all there, nor all empty")
    if abs(math.fsum(known) - 1) > _SUM_TOLERANCE:
        raise ValueError(f"the four probabilities sum to {math.fsum(known):.4f}, not to 1")
    return emotion, confidence, known


def _text(values: Mapping[str, object], name: str) -> str | None:
    value = values[name]
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} {_shown(value)} is not text")
    return value


def _emotion(values: Mapping[str, object], name: str) -> str | None:
    value = values[name]
    if value is None:
        return None
    if not isinstance(value, str) or value not in LABELS:
        raise ValueError(f"{name} {_shown(value)} is none of {', '.join(LABELS)}")
    return value


def _count(values: Mapping[str, object], name: str, least: int) -> int:
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _LARGEST_COUNT:
        raise ValueError(f"{name} {_shown(value)} is not a whole number from {least} upwards")
    return value


def _number(values: Mapping[str, object], name: str, least: float, most: float) -> float | None:
    value = values[name]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise ValueError(f"{name} {_shown(value)} is not a number in {least:g}…{most:g}")
    return float(value)


def _known(values: Mapping[str, object], name: str, value: float | None) -> float:
    if value is None:
        raise ValueError(f"{name} is missing")
    return value


def _words(value: object) -> tuple[Word, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise ValueError(f"words {_shown(value)} is not a list")
    return tuple(_word(entry) for entry in value)


def _word(entry: object) -> Word:
    if not isinstance(entry, Mapping) or not {"text", "start_s", "end_s", "confidence"} <= entry.keys():
        raise ValueError(f"words holds {_shown(entry)}, not a text, start_s, end_s and confidence")
    start_s = _known(entry, "start_s", _number(entry, "start_s", 0.0, _LATEST_S))
    end_s = _known(entry, "end_s", _number(entry, "end_s", 0.0, _LATEST_S))
    confidence = _known(entry, "confidence", _number(entry, "confidence", 0.0, 1.0))
    return Word(_text(entry, "text") or "", start_s, end_s, confidence)


def _classifiers(value: object) -> Mapping[str, tuple[float, ...]] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ValueError(f"classifiers {_shown(value)} is not an object")
    return {str(name): _labelled(name, of) for name, of in value.items()}


def _labelled(name: str, of: object) -> tuple[float, ...]:
    if not isinstance(of, Mapping) or set(of) != set(LABELS):
        raise ValueError(f"classifiers.{name} {_shown(of)} has not the keys {', '.join(LABELS)}")
    return tuple(_known(of, label, _number(of, label, 0.0, 1.0)) for label in LABELS)


def _shown(value: object) -> str:
    """A value in a message: never more than a glance, and nothing that a terminal would obey."""
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:37]}…"
