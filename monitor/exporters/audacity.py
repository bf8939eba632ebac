"""A timeline as an Audacity label track: one line for each turn or note with start, end and label, separated by tabs.

Source: Audacity Manual, "Importing and Exporting Labels". The format has no escapes, so a label holds no tab or line
end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from monitor.exporters.captions import caption, encoded, in_order, one_line, shown_ms
from monitor.timeline.notes import Mark, Note
from monitor.timeline.turn import Turn


def write_audacity(turns: Sequence[Turn], stream: BinaryIO) -> None:
    """Write a label for each turn, in order of their start."""
    for turn in in_order(turns):
        start, end = shown_ms(turn)
        label = f"{one_line(turn.speaker)}: {caption(turn)}"
        stream.write(encoded(f"{start / 1000:.6f}\t{end / 1000:.6f}\t{label}\n"))


def write_note_labels(notes: Sequence[Note], stream: BinaryIO) -> None:
    """Write a label at the moment of each mark and alert; Audacity puts them among the others by their time."""
    for note in notes:
        label = f"mark {note.number}" if isinstance(note, Mark) else f"{note.speaker}: alert {note.rule}"
        stream.write(encoded(f"{note.time_s:.6f}\t{note.time_s:.6f}\t{one_line(label)}\n"))
