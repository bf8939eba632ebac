"""A timeline as CSV: one row for each turn, as docs/architecture.md ("The CSV") lays down.

UTF-8, a header always, fields quoted as RFC 4180 says; rows end with a line feed, as Unix tools expect.
"""

from __future__ import annotations

from monitor.exporters.destination import Destination
from monitor.timeline.cells import printed, record
from monitor.timeline.turn import COLUMNS, SALIENT_COLUMNS, Turn


class CsvExporter:
    """Writes a timeline as CSV."""

    def __init__(self, path: str, *, explain: bool = False) -> None:
        """Check that `path` can be written (`-` is standard output).

        Args:
            path: Where to write.
            explain: Add the columns `salient_start_s` and `salient_end_s`.

        Raises:
            OutputError: The file cannot be opened for writing.
        """
        self._destination = Destination(path)
        self._explain = explain

    def begin(self) -> None:
        """Empty the file and write the header."""
        self._destination.begin()
        self._destination.write(csv_header(explain=self._explain))

    def write(self, turn: Turn) -> None:
        """Write one row."""
        self._destination.write(csv_record(turn, explain=self._explain))

    def close(self) -> None:
        """Close the file."""
        self._destination.close()


def csv_header(*, explain: bool = False) -> str:
    """The first line of a timeline, with its line end."""
    return record(COLUMNS + SALIENT_COLUMNS * explain)


def csv_record(turn: Turn, *, explain: bool = False) -> str:
    """A turn's record, with its line end."""
    values: dict[str, object] = {**turn.values()}
    if explain:
        values |= {column: turn.extra.get(column) for column in SALIENT_COLUMNS}
    return record([printed(column, value) for column, value in values.items()])
