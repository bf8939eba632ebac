"""A timeline as CSV: one row for each turn, as docs/timeline.md lays down.

UTF-8, a header always, fields quoted as RFC 4180 says; rows end with a line feed, as Unix tools expect.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import BinaryIO

from monitor.exporters.destination import Destination
from monitor.exporters.resuming import NOTHING, Resumed, other_content, resume
from monitor.timeline.cells import printed, record
from monitor.timeline.notes import Note
from monitor.timeline.turn import COLUMNS, SALIENT_COLUMNS, STARTED_AT, Turn

_MARK = b"\xef\xbb\xbf"
_CLOCK = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d")


class CsvExporter:
    """Writes a timeline as CSV, turn by turn.

    Attributes:
        resumed: What the file held before, where it is continued.
    """

    def __init__(self, path: str, *, explain: bool = False, live: bool = False, append: bool = False) -> None:
        """Check that `path` can be written (`-` is standard output).

        Args:
            path: Where to write.
            explain: Add the columns `salient_start_s` and `salient_end_s`.
            live: Add the column `started_at`.
            append: Continue the timeline that the file holds; without it, the file is replaced with the first turn.

        Raises:
            OutputError: The file cannot be opened for writing, or cannot be continued.
        """
        self._destination = Destination(path)
        self._columns = COLUMNS + SALIENT_COLUMNS * explain + (STARTED_AT,) * live
        self.resumed = NOTHING
        if append:
            self.resumed = resume(self._destination, lambda content: _resumed(content, self._columns, path))

    def begin(self) -> None:
        """Write the header, or repair the end of a file that is continued."""
        header = self.resumed.repair if self.resumed.keep else record(self._columns)
        self._destination.begin(header, keep=self.resumed.keep)

    def write(self, turn: Turn) -> None:
        """Write one row."""
        self._destination.write(_row(turn, self._columns))

    def write_note(self, note: Note) -> None:
        """Do nothing: a table of turns has no place for notes."""

    def finish(self) -> None:
        """End the timeline; one without turns replaces an older file."""
        self._destination.finish()

    def close(self) -> None:
        """Close the file."""
        self._destination.close()


def write_excel(turns: Sequence[Turn], stream: BinaryIO) -> None:
    """Write a CSV that Excel opens rightly with a double click: it knows UTF-8 by its byte order mark only."""
    further = sorted({name for turn in turns for name in turn.extra} - set(COLUMNS))
    columns = (*COLUMNS, *further)
    text = record(columns) + "".join(_row(turn, columns) for turn in turns)
    stream.write(_MARK + text.encode("utf-8", errors="backslashreplace"))


def csv_header(*, explain: bool = False) -> str:
    """The first line of a timeline, with its line end."""
    return record(COLUMNS + SALIENT_COLUMNS * explain)


def csv_record(turn: Turn, *, explain: bool = False) -> str:
    """A turn's record, with its line end."""
    return _row(turn, COLUMNS + SALIENT_COLUMNS * explain)


def _row(turn: Turn, columns: Sequence[str]) -> str:
    values: dict[str, object] = {**turn.extra, **turn.values()}
    return record([printed(column, values.get(column)) for column in columns])


def _resumed(content: bytes, columns: Sequence[str], path: str) -> Resumed:
    header = record(columns).encode().rstrip()
    first = content.removeprefix(_MARK).partition(b"\n")[0].rstrip(b"\r")
    if not content.strip() or (b"\n" not in content and header.startswith(first) and first != header):
        return NOTHING  # nothing, or a header that broke off
    if first != header:
        raise other_content(path, f"its first line is not {','.join(columns)}")
    end = _end_of_records(content)
    tail = content[end:].decode(errors="replace")
    whole = _cells(tail)
    kept = len(whole) == len(columns) and _CLOCK.fullmatch(whole[-1]) is not None
    rows = csv.reader(io.StringIO(content[:end].decode(errors="replace"), newline=""))
    place = columns.index("turn")
    numbers = [row[place] for row in [*rows, whole if kept else []] if len(row) > place]
    last = max((int(number) for number in numbers if number.isdecimal()), default=0)
    return Resumed(len(content) if kept else end, "\n" if kept else "", last, lost=bool(tail.strip()) and not kept)


def _end_of_records(content: bytes) -> int:
    """The end of the last whole record: a line end outside of quotes."""
    end = place = quotes = 0
    for line in content.split(b"\n")[:-1]:
        quotes += line.count(b'"')
        place += len(line) + 1
        end = place if quotes % 2 == 0 else end
    return end


def _cells(text: str) -> list[str]:
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        return []
    return records[0] if len(records) == 1 else []
