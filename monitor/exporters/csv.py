"""A timeline as CSV: one row for each turn, as docs/architecture.md ("The CSV") lays down.

UTF-8, a header always, fields quoted as RFC 4180 says; rows end with a line feed, as Unix tools expect.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from monitor.exporters.destination import Destination
from monitor.exporters.row import COLUMNS, SALIENT_COLUMNS, Value, row, salient_columns
from monitor.flow import Turn

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_SECONDS = frozenset({"start_s", "end_s", *SALIENT_COLUMNS})
_LOUDNESS = "loudness_dbfs"


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
    return _line(COLUMNS + SALIENT_COLUMNS * explain)


def csv_record(turn: Turn, *, explain: bool = False) -> str:
    """A turn's record, with its line end."""
    values = {**row(turn), **(salient_columns(turn) if explain else {})}
    return _line([_cell(column, value) for column, value in values.items()])


def neutralised(text: str) -> str:
    """Keep a spreadsheet from running a text as a formula (OWASP, "CSV Injection"); no number comes here.

    A text that looks neutralised already gets one more apostrophe, so that a reader can take one off.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unneutralised(cell: str) -> str:
    """The text that `neutralised` made a cell of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    # The writer quotes a bare carriage return only where its line end has one (before Python 3.13).
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().removesuffix("\r\n") + "\n"


def _cell(column: str, value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return neutralised(value)
    if isinstance(value, int):
        return str(value)
    if column in _SECONDS:
        return f"{value:.3f}"
    return f"{value:.1f}" if column == _LOUDNESS else f"{value:.4f}"
