"""Notes of a timeline, beside its turns: marks that the user sets, and alerts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TypeAlias

import msgspec

from monitor.flow import Seconds


@dataclass(frozen=True)
class Mark:
    """A moment that the user wants to find again; numbers count from 1."""

    number: int
    time_s: Seconds
    at: str | None = None


@dataclass(frozen=True)
class Alert:
    """A rule, as the user wrote it, that has come true with a turn; `time_s` is the turn's end."""

    rule: str
    time_s: Seconds
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


def read_note(values: Mapping[str, object]) -> Note | None:
    """Make a mark or an alert of the object that JSON Lines hold; `None` of another type, as a newer program's.

    Raises:
        ValueError: It lacks a value, or has one that does not fit.
    """
    kinds: Mapping[str, type[Note]] = {"mark": Mark, "alert": Alert}
    kind = kinds.get(str(values["type"]))
    try:
        return None if kind is None else msgspec.convert(dict(values), kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"this is not a valid {values['type']} ({error})") from error
