"""A timeline as CSV: one row for each turn, as docs/timeline.md lays down.

UTF-8, a header always, fields quoted as RFC 4180 says; rows end with a line feed, as Unix tools expect.
"""

import csv
import io
from collections.abc import Sequence

from monitor.timeline.file import FORMULA, TimelineFile
from monitor.timeline.notes import Note
from monitor.timeline.turn import COLUMNS, SALIENT_COLUMNS, STARTED_AT, Turn

_MARK = "\ufeff"
_SECONDS = frozenset({"start_s", "end_s", *SALIENT_COLUMNS})


class CsvLines:
    """A timeline as CSV, line by line."""

    def __init__(self, *, explain: bool = False, live: bool = False) -> None:
        """Choose the columns."""
        self._columns = COLUMNS + SALIENT_COLUMNS * explain + (STARTED_AT,) * live
        self.header = _record(self._columns)

    def turn(self, turn: Turn) -> str:
        """A turn's record."""
        return _row(turn, self._columns)

    def note(self, note: Note) -> str:
        """Nothing: a table of turns has no place for notes."""
        return ""

    def misfit(self, content: bytes, file: TimelineFile) -> str:
        """Why a file cannot be continued: it must have the same columns."""
        first = content.removeprefix(_MARK.encode()).partition(b"\n")[0].rstrip(b"\r")
        return "" if first == self.header.encode().rstrip() else f"its first line is not {','.join(self._columns)}"


def as_excel(turns: Sequence[Turn]) -> str:
    """A CSV that Excel opens rightly with a double click: it knows UTF-8 by its byte order mark only."""
    columns = (*COLUMNS, *sorted({name for turn in turns for name in turn.extra}))
    return _MARK + _record(columns) + "".join(_row(turn, columns) for turn in turns)


def neutralised(text: str) -> str:
    """Keep a spreadsheet from running a text as a formula; no number comes here."""
    return f"'{text}" if FORMULA.match(text) else text


def _row(turn: Turn, columns: Sequence[str]) -> str:
    values: dict[str, object] = {**turn.extra, **turn.values()}
    return _record([_printed(column, values.get(column)) for column in columns])


def _printed(column: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return neutralised(value)
    if isinstance(value, int):
        return str(value)
    if column in _SECONDS:
        return f"{value:.3f}"
    return f"{value:.1f}" if column == "loudness_dbfs" else f"{value:.4f}"


def _record(cells: Sequence[str]) -> str:
    """Cells as one record, with its line end."""
    text = io.StringIO()
    # The writer quotes a bare carriage return only where its line end has one (before Python 3.13).
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().removesuffix("\r\n") + "\n"
