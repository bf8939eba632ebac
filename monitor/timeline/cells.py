"""Converts the values of a turn to cells of a CSV, and back."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from monitor.timeline.turn import COLUMNS, COUNTS, EMOTIONS, SALIENT_COLUMNS, TEXTS

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_INTEGER = re.compile(r"-?[0-9]{1,17}")
_DECIMAL = re.compile(r"-?[0-9]{1,17}(\.[0-9]{0,30})?([eE][-+]?[0-9]{1,3})?")
_SECONDS = frozenset({"start_s", "end_s", *SALIENT_COLUMNS})
_LOUDNESS = "loudness_dbfs"


def neutralised(text: str) -> str:
    """Keep a spreadsheet from running a text as a formula (OWASP, "CSV Injection"); no number comes here.

    A text that looks neutralised already gets one more apostrophe, so that a reader can take one off.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unneutralised(cell: str) -> str:
    """The text that `neutralised` made a cell of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def printed(column: str, value: object) -> str:
    """The cell of a value."""
    if value is None:
        return ""
    if isinstance(value, str):
        return neutralised(value)
    if isinstance(value, int):
        return str(value)
    if column in _SECONDS:
        return f"{value:.3f}"
    return f"{value:.1f}" if column == _LOUDNESS else f"{value:.4f}"


def parsed(column: str, cell: str) -> object:
    """A cell's value; one that is not what its column holds stays a text, which `checked_turn` refuses."""
    if cell == "":
        return None
    if column in TEXTS:
        return unneutralised(cell)
    if column in COUNTS:
        return int(cell) if _INTEGER.fullmatch(cell) else cell
    # A further column keeps its text, except that of a name in _s, which holds seconds.
    if column in EMOTIONS or not (column in COLUMNS or column.endswith("_s")) or not _DECIMAL.fullmatch(cell):
        return cell
    return float(cell)


def record(cells: Sequence[str]) -> str:
    """Cells as one record of a CSV, quoted as RFC 4180 says, with its line end: a line feed, as Unix tools expect."""
    text = io.StringIO()
    # The writer quotes a bare carriage return only where its line end has one (before Python 3.13).
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().removesuffix("\r\n") + "\n"
