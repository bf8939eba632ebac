"""Writes the turns of one timeline while they are found, to a new file, a pipe, or a file that is continued."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from os.path import isfile
from pathlib import Path
from typing import Protocol

from monitor.exporters.destination import Destination
from monitor.timeline.file import TimelineFile, parse_timeline
from monitor.timeline.notes import Mark, Note
from monitor.timeline.turn import STARTED_AT, Turn
from stser_core.errors import DataError, OutputError
from stser_core.files import STDOUT

_START_BYTES = 64
_BEGINNING = re.compile(rb'(\xef\xbb\xbf)?[\s{"]*(recording|type)\b')
"""How a timeline begins, as this program or a spreadsheet writes it."""
_DIRECTIVE = re.compile(r"%(?:[YymbBdjHMUVuaA](?![A-Za-z])|%)")


@dataclass(frozen=True)
class Resumed:
    """Where a file begins, or goes on that is continued."""

    start: str  # what is to be written before the first turn: the header, or what ends the last line of those that stay
    keep: int = 0  # bytes that stay; what follows them broke off
    last_turn: int = 0  # the highest number of a turn
    last_mark: int = 0  # the highest number of a mark
    lost: bool = False  # whether a line that broke off is dropped


class LineFormat(Protocol):
    """A format that can be written line by line."""

    header: str  # the text before the first turn

    def turn(self, turn: Turn) -> str:
        """A turn, with its line end."""

    def note(self, note: Note) -> str:
        """A mark or an alert, with its line end; nothing where the format has no place for it."""

    def misfit(self, content: bytes, file: TimelineFile) -> str:
        """Why a timeline cannot be continued in this format; nothing where it can."""


class Exporter:
    """Takes the turns of one timeline, in order, and writes each at once.

    All methods raise `OutputError` where the destination cannot be written (any more).

    Attributes:
        resumed: What the file held before, where it is continued.
    """

    def __init__(
        self, path: str, lines: LineFormat, *, live: Callable[[str], None] | None = None, overwrite: bool = False
    ) -> None:
        """Check that the destination can be written, and leave what is there untouched until there is something new.

        So what fails before the first turn costs nobody an older timeline.

        Args:
            path: Where to write; `-` is standard output.
            lines: The format.
            live: Continue the timeline that the file holds, also where a killed run left it. The path may hold the date
                as `strftime` writes it, such as `today-%Y-%m-%d.csv`, and a turn goes to the file of its start; where
                the next file cannot be opened, the one in hand goes on, and `live` is told why in a sentence. Without
                it, the file is replaced with the first turn.
            overwrite: Replace what the file of a live run holds, too.

        Raises:
            OutputError: The file cannot be opened for writing, or cannot be continued.
        """
        self._pattern = path
        self._lines = lines
        self._live = live
        self._overwrite = overwrite
        self._since = datetime.now().astimezone()
        self._path = path if live is None else name_at(path, self._since)
        self._destination, self.resumed = self._open(self._path)

    def begin(self) -> None:
        """Write what stands before the first turn, or repair the end of a file that is continued."""
        self._destination.begin(self.resumed.start, keep=self.resumed.keep)

    def write(self, turn: Turn) -> None:
        """Write one turn; when this returns, the turn is on the disk or in the pipe."""
        started_at = turn.extra.get(STARTED_AT)
        if self._live is not None and isinstance(started_at, str):
            self._rotate(datetime.fromisoformat(started_at), turn.turn, self._live)
        self._destination.write(self._lines.turn(turn))

    def write_note(self, note: Note) -> None:
        """Write a mark or an alert, where the format has a place for it."""
        if line := self._lines.note(note):
            self._destination.write(line)

    def finish(self) -> None:
        """End the timeline; one without turns replaces an older file."""
        self._destination.finish()

    def close(self) -> None:
        """Release the destination. Closing again does nothing."""
        self._destination.close()

    def _open(self, path: str) -> tuple[Destination, Resumed]:
        destination = Destination(path)
        try:
            if self._live is not None and not self._overwrite:
                return destination, _resumed(destination.content(), path, self._lines)
            return destination, Resumed(self._lines.header)
        except OutputError:
            destination.close()
            raise

    def _rotate(self, moment: datetime, turn: int, say: Callable[[str], None]) -> None:
        path = name_at(self._pattern, moment)
        if path == self._path or moment < self._since:
            return
        self._path, self._since = path, moment
        try:
            destination, resumed = self._open(path)
            if resumed.last_turn >= turn:  # a name that repeats: no reader takes a number twice
                destination.close()
                raise OutputError(f"Cannot append turn {turn} to '{path}': it holds turns up to {resumed.last_turn}.")
            destination.begin(resumed.start, keep=resumed.keep)
        except OutputError as error:
            say(f"{error} The turns go on in the file before.")
            return
        before, self._destination = self._destination, destination
        before.close()


def name_at(pattern: str, moment: datetime) -> str:
    """The path that a pattern gives at a moment; one without directives stays as it is."""
    return _DIRECTIVE.sub(lambda found: moment.strftime(found.group()), pattern)


def check_replaceable(path: str) -> None:
    """Refuse to replace a file that is not a timeline, as of `--csv notes.txt`; what cannot be read is told later.

    Raises:
        OutputError: It begins unlike a timeline.
    """
    if path == STDOUT or not isfile(path):  # noqa: PTH113  a name may be too long
        return
    with suppress(OSError), Path(path).open("rb") as file:
        start = file.read(_START_BYTES)
        if not _BEGINNING.match(start) and not b"recording,".startswith(start):
            raise OutputError(f"Cannot replace '{path}': it is not a timeline; name another file.")


def _resumed(content: bytes, path: str, lines: LineFormat) -> Resumed:
    """Read what a file holds that is to be continued: by another run, which may have been killed while it wrote."""
    try:
        file = parse_timeline(content, Path(path))
        misfit = lines.misfit(content, file)
    except DataError as error:
        if b"\n" not in content and (lines.header or '{"').encode().startswith(content[: len(lines.header) or 2]):
            return Resumed(lines.header, lost=not lines.header)  # the first line broke off, or there is nothing yet
        misfit = str(error).rstrip(".")
    if misfit:
        raise OutputError(
            f"Cannot append to '{path}': it contains something else than this timeline ({misfit}); name another file, "
            "or replace it with --overwrite."
        )
    lost = file.whole < len(content)
    unended = not lost and not content.endswith(b"\n")
    return Resumed(
        start=("\n" if unended else "") if file.whole else lines.header,
        keep=file.whole,
        last_turn=max((turn.turn for turn in file.turns), default=0),
        last_mark=max((note.number for note in file.notes if isinstance(note, Mark)), default=0),
        lost=lost,
    )
