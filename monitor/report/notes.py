"""The marks and alerts of a timeline's file, checked: a report shows them as what they claim to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from monitor.timeline.notes import Alert, Mark
from stser_core.errors import DataError

_Kind = TypeVar("_Kind", Mark, Alert)


def read_notes(objects: Iterable[Mapping[str, object]]) -> tuple[tuple[Mark, ...], tuple[Alert, ...]]:
    """Make marks and alerts of the objects that the JSON Lines hold.

    Args:
        objects: Each has a `type`; objects of other types are passed over, as a newer program's would be.

    Returns:
        The marks and the alerts, each in the order of their times.

    Raises:
        DataError: One lacks a value or has one that does not fit.
    """
    marks: list[Mark] = []
    alerts: list[Alert] = []
    for each in objects:
        if each["type"] == "mark":
            marks.append(_converted(each, Mark))
        elif each["type"] == "alert":
            alerts.append(_converted(each, Alert))
    return tuple(sorted(marks, key=_time_s)), tuple(sorted(alerts, key=_time_s))


def _time_s(note: Mark | Alert) -> float:
    return note.time_s


def _converted(values: Mapping[str, object], kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.convert(dict(values), kind)
    except msgspec.ValidationError as error:
        raise DataError(f"The timeline holds a note that is no {values['type']}: {error}.") from error
