"""Notes of a timeline, beside its turns: marks that the user sets, and alerts."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import TypeAlias

import msgspec

from stser_core.errors import DataError


@dataclass(frozen=True)
class Mark:
    """A moment that the user wants to find again; numbers count from 1."""

    number: int
    time_s: float
    at: str | None = None


@dataclass(frozen=True)
class Alert:
    """A rule, as the user wrote it, that has come true with a turn; `time_s` is the turn's end."""

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
    notes = [_converted(each, kind) for each in objects if (kind := _KINDS.get(str(each["type"])))]
    notes.sort(key=lambda note: note.time_s)
    marks = tuple(note for note in notes if isinstance(note, Mark))
    return marks, tuple(note for note in notes if isinstance(note, Alert))


_KINDS: Mapping[str, type[Note]] = {"mark": Mark, "alert": Alert}


def _converted(values: Mapping[str, object], kind: type[Note]) -> Note:
    try:
        note: Note = msgspec.convert(dict(values), kind)
    except msgspec.ValidationError as error:
        raise DataError(f"The timeline holds a note that is not a valid {values['type']}: {error}.") from error
    if not isfinite(note.time_s):
        raise DataError(f"The timeline holds a note that is not a valid {values['type']}: its time is not a number.")
    return note
