"""Writes turns to files and pipes while they are found: one protocol, one file for each format."""

from __future__ import annotations

from typing import Protocol

from monitor.timeline.notes import Note
from monitor.timeline.turn import Turn

__all__ = ["Exporter"]


class Exporter(Protocol):
    """Takes the turns of one timeline, in order, and writes each at once.

    Creating an exporter checks that its destination can be written, and leaves what is there untouched until there is
    something new: what fails before the first turn costs nobody an older timeline.
    """

    def begin(self) -> None:
        """Write what stands before the first turn.

        Raises:
            OutputError: The destination cannot be written.
        """

    def write(self, turn: Turn) -> None:
        """Write one turn; when this returns, the turn is on the disk or in the pipe.

        Raises:
            OutputError: The destination cannot be written any more.
        """

    def write_note(self, note: Note) -> None:
        """Write a mark or an alert, where the format has a place for it.

        Raises:
            OutputError: The destination cannot be written any more.
        """

    def finish(self) -> None:
        """End the timeline; one without turns replaces an older file.

        Raises:
            OutputError: The destination cannot be written any more.
        """

    def close(self) -> None:
        """Release the destination. Closing again does nothing."""
