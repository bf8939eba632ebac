"""A timeline that was read back, as JSON Lines: the same keys as `JsonlExporter` writes while it listens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import BinaryIO

from monitor.exporters.captions import encoded
from monitor.exporters.jsonl import as_json, note_object
from monitor.timeline.notes import Note
from monitor.timeline.row import TimelineRow
from stser_core.emotions import LABELS


def write_json_lines(rows: Sequence[TimelineRow], stream: BinaryIO) -> None:
    """Write an object for each turn; `words` and `classifiers` are `null` where the timeline came from a CSV."""
    for row in rows:
        keys: dict[str, object] = {**row.values(), "words": _words(row), "classifiers": _classifiers(row), **row.extra}
        stream.write(encoded(as_json(keys) + "\n"))


def write_note_lines(notes: Sequence[Note], stream: BinaryIO) -> None:
    """Write an object for each mark and alert."""
    for note in notes:
        stream.write(encoded(as_json(note_object(note)) + "\n"))


def _words(row: TimelineRow) -> list[dict[str, object]] | None:
    return None if row.words is None else [asdict(word) for word in row.words]


def _classifiers(row: TimelineRow) -> dict[str, dict[str, float]] | None:
    if row.classifiers is None:
        return None
    return {name: dict(zip(LABELS, of, strict=True)) for name, of in row.classifiers.items()}
