"""Continuing a timeline that a file holds: from another run, which may have been killed while it wrote."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from monitor.exporters import Exporter
from monitor.exporters.destination import Destination
from monitor.timeline.notes import Note
from monitor.timeline.turn import STARTED_AT, Turn
from stser_core.errors import OutputError

_DIRECTIVE = re.compile(r"%[YymbBdjHMUVuaA]")


@dataclass(frozen=True)
class Resumed:
    """The contents of a file that is continued.

    Attributes:
        keep: Bytes that stay; what follows them broke off.
        repair: What is to be written behind them, before the first turn.
        last_turn: The highest number of a turn.
        last_mark: The highest number of a mark.
        lost: Whether a line that broke off is dropped.
    """

    keep: int = 0
    repair: str = ""
    last_turn: int = 0
    last_mark: int = 0
    lost: bool = False


NOTHING = Resumed()


def resume(destination: Destination, read: Callable[[bytes], Resumed]) -> Resumed:
    """Read the contents of a destination, which is closed if they cannot be continued.

    Args:
        destination: Newly opened.
        read: Makes it out, or raises `OutputError`.
    """
    try:
        return read(destination.content())
    except OutputError:
        destination.close()
        raise


def other_content(path: str, why: str) -> OutputError:
    """The error of a file that holds something which cannot be continued."""
    return OutputError(
        f"Cannot append to '{path}': it contains something else than this timeline, for {why}; name another file, or "
        "replace it with --overwrite."
    )


class ResumedExporter(Exporter, Protocol):
    """An exporter that may continue a file.

    Attributes:
        resumed: What the file held before.
    """

    resumed: Resumed


class Rotated:
    """An exporter to files whose names hold the date, such as `today-%Y-%m-%d.csv`: a turn goes to that of its start.

    Attributes:
        resumed: What the first file held before.
    """

    def __init__(self, pattern: str, make: Callable[[str], ResumedExporter], say: Callable[[str], None]) -> None:
        """Open the file of this moment.

        Args:
            pattern: A path with directives of `strftime`.
            make: Opens an exporter to a path.
            say: Takes a sentence about what went wrong: where the next file cannot be opened, the one in hand goes on.
        """
        self._pattern = pattern
        self._make = make
        self._say = say
        self._since = datetime.now().astimezone()
        self._path = name_at(pattern, self._since)
        self._exporter = make(self._path)
        self.resumed = self._exporter.resumed

    def begin(self) -> None:
        """Begin the first file."""
        self._exporter.begin()

    def write(self, turn: Turn) -> None:
        """Write one turn, to the next file where it is the first of it."""
        started_at = turn.extra.get(STARTED_AT)
        if isinstance(started_at, str):
            self._rotate(datetime.fromisoformat(started_at))
        self._exporter.write(turn)

    def write_note(self, note: Note) -> None:
        """Write one mark or alert to the file in hand."""
        self._exporter.write_note(note)

    def finish(self) -> None:
        """End the timeline."""
        self._exporter.finish()

    def close(self) -> None:
        """Close the file in hand."""
        self._exporter.close()

    def _rotate(self, moment: datetime) -> None:
        path = name_at(self._pattern, moment)
        if path == self._path or moment < self._since:
            return
        self._path, self._since = path, moment
        try:
            fresh = self._make(path)
            fresh.begin()
        except OutputError as error:
            self._say(f"{error} The turns go on in the file before.")
            return
        before, self._exporter = self._exporter, fresh
        before.close()


def name_at(pattern: str, moment: datetime) -> str:
    """The path that a pattern gives at a moment; one without directives stays as it is."""
    return moment.strftime(pattern) if _DIRECTIVE.search(pattern) else pattern
