"""A timeline as JSON Lines, turn by turn or as a whole: the CSV's columns as keys, and what a table has no room for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from monitor.timeline.file import TimelineFile
from monitor.timeline.notes import Note, note_object
from monitor.timeline.turn import SALIENCE, SALIENT_COLUMNS, STARTED_AT, Turn


class JsonLines:
    """A timeline as JSON Lines: UTF-8, one object for each turn, mark and alert, as docs/timeline.md lays down."""

    header = ""

    def __init__(self, *, explain: bool = False) -> None:
        """Choose the keys; `explain` adds where the attention rested."""
        self._explain = explain

    def turn(self, turn: Turn) -> str:
        """A turn's line."""
        return as_json(turn_object(turn, explain=self._explain)) + "\n"

    def note(self, note: Note) -> str:
        """A mark's or an alert's line."""
        return as_json(note_object(note)) + "\n"

    def misfit(self, content: bytes, file: TimelineFile) -> str:
        """Why a file cannot be continued: it must hold JSON Lines of a live timeline."""
        if content and content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"{":
            return "its first line is not an object of a live timeline"
        return f"its turns have no {STARTED_AT}" if file.turns and STARTED_AT not in file.turns[0].extra else ""


def as_json(keys: Mapping[str, object]) -> str:
    """An object as one line of JSON, with the characters of every language as they are."""
    return json.dumps(keys, ensure_ascii=False, allow_nan=False)


def turn_object(turn: Turn, *, explain: bool = False) -> dict[str, object]:
    """A turn's keys and values, and what else its file held; `explain` adds the keys of the attention in any case."""
    values = turn.values()
    if turn.words is not None:
        values["transcript"] = turn.transcript or ""
    return {
        **values,
        "words": None if turn.words is None else [asdict(word) for word in turn.words],
        "classifiers": turn.classifiers,
        **(dict.fromkeys((*SALIENT_COLUMNS, SALIENCE)) if explain else {}),
        **turn.extra,
    }


def as_json_lines(turns: Sequence[Turn]) -> str:
    """An object for each turn; `words` and `classifiers` are `null` where the timeline came from a CSV."""
    return "".join(map(JsonLines().turn, turns))


def notes_as_json_lines(notes: Sequence[Note]) -> str:
    """An object for each mark and alert."""
    return "".join(map(JsonLines().note, notes))
