"""A timeline as JSON Lines, turn by turn or as a whole: the CSV's columns as keys, and what a table has no room for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import BinaryIO

from monitor.exporters.exporter import Resumed, other_content
from monitor.timeline.notes import Mark, Note
from monitor.timeline.turn import COLUMNS, SALIENCE, SALIENT_COLUMNS, STARTED_AT, Turn
from stser_core.emotions import LABELS
from stser_core.files import utf8


class JsonLines:
    """A timeline as JSON Lines: UTF-8, one object for each turn.

    Each object has the CSV's columns as keys, with numbers as numbers and `null` for what is not known, and
    in addition

    * `words`: a list of `{"text", "start_s", "end_s", "confidence"}`, or `null` where nothing was
      transcribed;
    * `classifiers`: the probabilities of each classifier that answered, `{"speech": {"angry": …}, …}`, or `null`
      where nothing was scored. One that did not answer is absent.

    A live timeline has also `started_at`, the time of day at which the turn started. Where the timeline explains, also

    * `salient_start_s` and `salient_end_s`: the shortest stretch that holds half of the speech encoder's attention;
    * `salience`: the attention's proportion on each 100 ms of the turn, or `null` where it is not known.

    Notes are objects of their own, with a `type` and without a `recording`:
    `{"type": "mark", "number", "time_s"}` and
    `{"type": "alert", "rule", "time_s", "channel", "speaker", "turn", "emotion", "probability"}`; live, with the time
    of day as `at`.
    """

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

    def resumed(self, content: bytes, path: str) -> Resumed:
        """Read a file that is to be continued; it must hold a live timeline."""
        return _resumed(content, path)


def as_json(keys: Mapping[str, object]) -> str:
    """An object as one line of JSON, with the characters of every language as they are."""
    return json.dumps(keys, ensure_ascii=False, allow_nan=False)


def turn_object(turn: Turn, *, explain: bool = False) -> dict[str, object]:
    """A turn's keys and values, as `JsonLines` describes them, and what else its file held."""
    values = turn.values()
    if turn.words is not None:
        values["transcript"] = turn.transcript or ""
    return {
        **values,
        "words": None if turn.words is None else [asdict(word) for word in turn.words],
        "classifiers": _classifiers(turn),
        **(dict.fromkeys((*SALIENT_COLUMNS, SALIENCE)) if explain else {}),
        **turn.extra,
    }


def note_object(note: Note) -> dict[str, object]:
    """A note's keys and values, as `JsonLines` describes them."""
    at = {} if note.at is None else {"at": note.at}
    if isinstance(note, Mark):
        return {"type": "mark", "number": note.number, "time_s": round(note.time_s, 3), **at}
    return {
        "type": "alert",
        "rule": note.rule,
        "time_s": round(note.time_s, 3),
        "channel": note.channel,
        "speaker": note.speaker,
        "turn": note.turn,
        "emotion": note.emotion,
        "probability": note.probability,
        **at,
    }


def _classifiers(turn: Turn) -> dict[str, dict[str, float]] | None:
    if turn.classifiers is None:
        return None
    return {name: dict(zip(LABELS, each, strict=True)) for name, each in turn.classifiers.items()}


def write_json_lines(turns: Sequence[Turn], stream: BinaryIO) -> None:
    """Write an object for each turn; `words` and `classifiers` are `null` where the timeline came from a CSV."""
    stream.writelines(utf8(as_json(turn_object(turn)) + "\n") for turn in turns)


def write_note_lines(notes: Sequence[Note], stream: BinaryIO) -> None:
    """Write an object for each mark and alert."""
    stream.writelines(utf8(as_json(note_object(note)) + "\n") for note in notes)


def _resumed(content: bytes, path: str) -> Resumed:
    lines = content.split(b"\n")
    tail = lines.pop()
    whole = _line(tail)
    objects = [found for line in lines if (found := _line(line)) is not None] + ([] if whole is None else [whole])
    first = next((line for line in (*lines, tail) if line.strip()), b"")
    begun = first.removeprefix(b"\xef\xbb\xbf").startswith((b'{"recording"', b'{"type"'))
    if not begun and first:
        raise other_content(path, "its first line is not an object of a live timeline")
    turns = [one for one in objects if "recording" in one]
    if turns and not {*COLUMNS, STARTED_AT} <= turns[0].keys():
        raise other_content(path, f"its turns have no {STARTED_AT}, or lack others of the keys")
    return Resumed(
        keep=len(content) if whole is not None else len(content) - len(tail),
        repair="\n" if whole is not None else "",
        last_turn=_highest(turns, "turn"),
        last_mark=_highest((one for one in objects if one.get("type") == "mark"), "number"),
        lost=bool(tail.strip()) and whole is None,
    )


def _line(line: bytes) -> dict[str, object] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _highest(objects: Iterable[Mapping[str, object]], key: str) -> int:
    return max((value for one in objects if isinstance(value := one.get(key), int)), default=0)
