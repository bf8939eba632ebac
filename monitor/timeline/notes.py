"""Notes of a timeline, beside its turns: marks that the user sets, and alerts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import TypeAlias

import msgspec

from stser_core.errors import DataError


@dataclass(frozen=True)
class Mark:
    """A moment that the user wants to find again.

    Attributes:
        number: Counts from 1.
        time_s: Seconds from the start of the recording.
        at: The time of day, ISO 8601; `None` where it was not recorded.
    """

    number: int
    time_s: float
    at: str | None = None


@dataclass(frozen=True)
class Alert:
    """A rule that has come true with a turn.

    Attributes:
        rule: The rule, as the user wrote it.
        time_s: The turn's end, in seconds from the start of the recording.
        channel: The turn's channel, counted from 1.
        speaker: Who spoke.
        turn: The turn's number.
        emotion: The emotion that the rule watches.
        probability: Its probability, as the turn's row says it.
        at: The time of day, ISO 8601; `None` where it was not recorded.
    """

    rule: str
    time_s: float
    channel: int
    speaker: str
    turn: int
    emotion: str
    probability: float
    at: str | None = None


Note: TypeAlias = Mark | Alert


def note_object(note: Note) -> dict[str, object]:
    """A note's keys and values in JSON Lines."""
    values = {"type": type(note).__name__.lower(), **asdict(note), "time_s": round(note.time_s, 3)}
    if note.at is None:
        del values["at"]
    return values


def read_notes(objects: Iterable[Mapping[str, object]]) -> tuple[tuple[Mark, ...], tuple[Alert, ...]]:
    """Make marks and alerts of the objects that the JSON Lines hold.

    Args:
        objects: Each has a `type`; objects of other types are passed over, as a newer program's would be.

    Returns:
        The marks and the alerts, each in the order of their times.

    Raises:
        DataError: One lacks a value or has one that does not fit.
    """
    notes = [_converted(each, _KINDS[each["type"]]) for each in objects if each["type"] in _KINDS]
    notes.sort(key=lambda note: note.time_s)
    marks = tuple(note for note in notes if isinstance(note, Mark))
    return marks, tuple(note for note in notes if isinstance(note, Alert))


_KINDS: Mapping[object, type[Note]] = {"mark": Mark, "alert": Alert}


def _converted(values: Mapping[str, object], kind: type[Note]) -> Note:
    try:
        note: Note = msgspec.convert(dict(values), kind)
    except msgspec.ValidationError as error:
        raise DataError(f"The timeline holds a note that is not a valid {values['type']}: {error}.") from error
    if not isfinite(note.time_s):
        raise DataError(f"The timeline holds a note that is not a valid {values['type']}: its time is not a number.")
    return note
