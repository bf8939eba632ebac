"""A timeline that was read back, as JSON Lines: the same keys as `JsonlExporter` writes while it listens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from monitor.exporters.captions import encoded
from monitor.exporters.jsonl import as_json, note_object, turn_object
from monitor.timeline.notes import Note
from monitor.timeline.turn import Turn


def write_json_lines(turns: Sequence[Turn], stream: BinaryIO) -> None:
    """Write an object for each turn; `words` and `classifiers` are `null` where the timeline came from a CSV."""
    for turn in turns:
        stream.write(encoded(as_json(turn_object(turn)) + "\n"))


def write_note_lines(notes: Sequence[Note], stream: BinaryIO) -> None:
    """Write an object for each mark and alert."""
    for note in notes:
        stream.write(encoded(as_json(note_object(note)) + "\n"))
