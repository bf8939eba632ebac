"""Reads a timeline back from the CSV, JSON Lines or Parquet that `monitor.exporters` writes.

The reader is strict: a metric of a damaged timeline would be wrong without anybody noticing. Only what a
killed program leaves behind, a last line that breaks off, is left out with a notice.

Several live sessions in one file are laid out on one axis. Each counts its seconds from its own start; `started_at`
tells when that was, so that its turns follow those of the first session at the distance that they had. A file without
turn 1 goes on from the one before, as of another day: its axis begins with what comes first in it.
"""

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeAlias

from monitor.timeline.notes import Alert, Note, read_note
from monitor.timeline.turn import COLUMNS, COUNTS, EMOTIONS, SALIENCE, SALIENT_COLUMNS, STARTED_AT, TEXTS, Turn
from stser_core.errors import DataError, MissingExtraError, reason

csv.field_size_limit(2**31 - 1)  # of all readers in the process; a turn may have any number of words

_STDIN = Path("-")
_JSON_LINES = (".jsonl", ".ndjson")
_PARQUET = b"PAR1"
_LONGEST_LIST = 120
_INTEGER = re.compile(r"-?[0-9]{1,17}")
_JUMP_S = 1.0
"""From turn to turn of one session, the time of day gains less than this on the stream's, unless the system slept.
Turns come in the order of their ends, so one that ends earlier begins another session."""
_CLOCK = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d)?")
_DECIMAL = re.compile(r"-?[0-9]{1,17}(\.[0-9]{0,30})?([eE][-+]?[0-9]{1,3})?")

FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""How a text begins that a spreadsheet might run as a formula (OWASP, "CSV Injection"); it has one more apostrophe in a
CSV, so that a reader can take one off."""


@dataclass(frozen=True)
class TimelineFile:
    """The contents of a timeline's file."""

    turns: tuple[Turn, ...]  # its turns, in the file's order
    notes: tuple[Note, ...] = ()  # marks, then alerts, each in the order of their times
    notices: tuple[str, ...] = ()  # sentences for the user, such as on a last line that was left out
    whole: int = 0  # bytes of the file that hold whole lines: all, or what is before a last line that breaks off

    def without_words(self) -> "TimelineFile":
        """The same without anything of what was said."""
        return replace(self, turns=tuple(turn.without_words() for turn in self.turns))


def read_timeline(path: str | Path) -> TimelineFile:
    """Read a timeline, from standard input where the path is `-`.

    A file that begins with `PAR1` is read as Parquet, one that begins with `{` or whose name ends in `.jsonl` as JSON
    Lines, any other as CSV. Several live sessions in one file are laid out by the time of day.

    Raises:
        DataError: It cannot be read, or is not a timeline: with file, line and reason.
        MissingExtraError: It is Parquet, and pyarrow is not installed.
    """
    path = Path(path)
    try:
        data = sys.stdin.buffer.read() if path == _STDIN else path.read_bytes()
    except (OSError, ValueError) as error:
        raise DataError(f"Cannot read the timeline '{path}': {reason(error)}.") from error
    path = Path("standard input") if path == _STDIN else path  # in messages
    return _on_one_axis(parse_timeline(data, path), path)


def parse_timeline(data: bytes, path: Path) -> TimelineFile:
    """Read a timeline of a file's content, as it is written, also several sessions.

    Raises:
        DataError: It is not a timeline.
    """
    if data.startswith(_PARQUET):
        return _parquet(data, path)
    if path.suffix.lower() in _JSON_LINES or data.lstrip()[:1] == b"{":
        return _json_lines(data, path)
    return _csv(data, path)


def _csv(data: bytes, path: Path) -> TimelineFile:
    header_bytes, found, after = data.partition(b"\r")
    if found and b"\n" not in header_bytes and not after.startswith(b"\n"):  # Excel's "CSV (Macintosh)"
        data = data.replace(b"\r", b"\n")
    # Without a whole record, it is a header whose line end an editor has taken away, or something else.
    whole = (0 if data.endswith(b"\n") else _end_of_records(data)) or len(data)
    body = _decoded(data[:whole], path)
    records = _records(body.removeprefix("\ufeff"), path)
    header = _header(next(records, (1, []))[1], path)
    contents = _Contents(path)
    for line, cells in records:
        if any(cells):  # spreadsheets save rows of commas behind the last one
            contents.take(line, partial(_csv_row, header, cells))
    return contents.with_tail(data, whole, body.count("\n") + 1, lambda text: _csv_row(header, _one_record(text)))


def _json_lines(data: bytes, path: Path) -> TimelineFile:
    whole = data.rfind(b"\n") + 1
    contents = _Contents(path)
    lines = _decoded(data[:whole], path).removeprefix("\ufeff").split("\n")
    for line, text in enumerate(lines, start=1):
        if text.strip():
            contents.take(line, partial(_turn_or_note, text))
    return contents.with_tail(data, whole, len(lines), _turn_or_note)


def _parquet(data: bytes, path: Path) -> TimelineFile:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("Reading Parquet", "parquet") from error
    try:
        rows = parquet.ParquetFile(pyarrow.BufferReader(data)).read().to_pylist()
    except (OSError, OverflowError, ValueError, pyarrow.ArrowException) as error:
        raise DataError(f"'{path}' cannot be read as Parquet: {reason(error)}.") from error

    def turn(row: dict[str, object]) -> Turn:
        if isinstance(salience := row.get(SALIENCE), str):  # a column holds text, JSON Lines a list
            row[SALIENCE] = json.loads(salience)
        return _json_row(row)

    contents = _Contents(path)
    for number, row in enumerate(rows, start=1):
        contents.take(number, partial(turn, row), "row")
    return TimelineFile(tuple(contents.turns))


_Entry: TypeAlias = Turn | Note | None
"""What a line holds; `None` for what a newer program has added."""


class _Contents:
    """The turns and notes of a file so far."""

    def __init__(self, path: Path) -> None:
        self.turns: list[Turn] = []
        self._path = path
        self._notes: list[Note] = []
        self._lines: dict[tuple[str, int], int] = {}

    def take(self, line: int, entry: Callable[[], _Entry], what: str = "line") -> None:
        """Add a turn or a note; an error names file and line. A turn that came twice would count twice in metrics."""
        try:
            one = entry()
            if not isinstance(one, Turn):
                self._notes += [one] if one is not None else []
                return
            first = self._lines.setdefault((one.recording, one.turn), line)
            if first != line:
                raise ValueError(f"turn {one.turn} of the same recording is in line {first} already")
        except ValueError as error:
            raise DataError(f"'{self._path}', {what} {line}: {error}.") from error
        self.turns.append(one)

    def with_tail(self, data: bytes, whole: int, line: int, parse: Callable[[str], _Entry]) -> TimelineFile:
        """The file; a line without an end is kept where it is whole: an editor may have taken the line end away.

        If it is the only line, it is not the end of a timeline that a killed program has left.
        """
        notices: tuple[str, ...] = ()
        if data[whole:].strip(b" ,\r\n"):
            try:
                last = parse(data[whole:].decode())
                if isinstance(last, Turn) and not _CLOCK.fullmatch(str(last.extra.get(STARTED_AT, ""))):
                    raise ValueError(f"{STARTED_AT} is not a time of day")
            except (ValueError, csv.Error) as error:
                if line == 1:
                    raise DataError(
                        f"'{self._path}', line 1: {error}; a timeline is what --csv or --jsonl writes."
                    ) from error
                notices = (f"'{self._path}', line {line}: the last line breaks off and was left out.",)
            else:
                self.take(line, lambda: last)
        return TimelineFile(tuple(self.turns), tuple(self._notes), notices, whole if notices else len(data))


def _end_of_records(data: bytes) -> int:
    """The end of the last whole record of a CSV: a line end outside of quotes."""
    end = place = quotes = 0
    for line in data.split(b"\n")[:-1]:
        quotes += line.count(b'"')
        place += len(line) + 1
        end = place if quotes % 2 == 0 else end
    return end


def _decoded(data: bytes, path: Path) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(f"'{path}', line {line}: this is not UTF-8; save it again as UTF-8.") from error


def _records(text: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line where it starts."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"'{path}', line {line}: this is not CSV: {error}.") from error


def _one_record(text: str) -> list[str]:
    records = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    if len(records) != 1:
        raise ValueError("not one record")
    return records[0]


def _header(names: Sequence[str], path: Path) -> tuple[str, ...]:
    if not names:
        raise DataError(f"'{path}' has no header; a timeline as CSV begins with one, even where nobody speaks.")
    while names and not names[-1]:  # commas that a spreadsheet has put behind every row
        names = names[:-1]
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        for separators, separator in (("semicolons", ";"), ("tabs", "\t")):
            if names and set(COLUMNS) <= set(names[0].split(separator)):
                raise DataError(
                    f"'{path}', line 1: the columns are separated by {separators}; "
                    "save it again with commas, and with points in its numbers."
                )
        raise DataError(
            f"'{path}', line 1: this is not the header of a timeline, for it lacks {_listed(missing)}; "
            "a timeline is what --csv or --jsonl writes."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"'{path}', line 1: the header names {_listed(twice)} more than once.")
    return tuple(names)


def _csv_row(header: Sequence[str], cells: Sequence[str]) -> Turn:
    if not any(cells[len(header) :]):
        cells = cells[: len(header)]
    if len(cells) != len(header):
        raise ValueError(f"{len(cells)} cells, but the header has {len(header)}")
    return Turn.read({name: _parsed(name, cell) for name, cell in zip(header, cells, strict=True)})


def _parsed(column: str, cell: str) -> object:
    """A cell's value; one that is not what its column holds stays a text, which `Turn.read` refuses."""
    if cell == "":
        return None
    if column in TEXTS:
        return unneutralised(cell)
    if column in COUNTS:
        return int(cell) if _INTEGER.fullmatch(cell) else cell
    # A further column keeps its text, except that of a name in _s, which holds seconds.
    if column not in EMOTIONS and (column in COLUMNS or column.endswith("_s")) and _DECIMAL.fullmatch(cell):
        return float(cell)
    return cell if column in COLUMNS else unneutralised(cell)


def unneutralised(cell: str) -> str:
    """The text of a cell that `monitor.exporters.csv.neutralised` made."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def _turn_or_note(text: str) -> _Entry:
    """Every turn names its recording, and no note does; a turn may have a further column that is called `type`."""

    def refused(constant: str) -> object:
        raise ValueError(f"{constant} is not a number")

    # A file name that is not UTF-8 is a lone surrogate in JSON, which stricter readers refuse.
    try:
        values = json.loads(text, parse_constant=refused)
    except json.JSONDecodeError as error:
        raise ValueError(f"this line is not a JSON object: {error.msg} at column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"this line is not a JSON object: {error}") from error
    if not isinstance(values, dict):
        raise ValueError("this line is not a JSON object")
    return read_note(values) if "type" in values and "recording" not in values else _json_row(values)


def _json_row(values: Mapping[str, object]) -> Turn:
    missing = [column for column in COLUMNS if column not in values]
    if missing:
        raise ValueError(f"this is not a turn of a timeline, for it lacks {_listed(missing)}")
    return Turn.read(values)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return shown if shown.isprintable() and len(shown) <= _LONGEST_LIST else ascii(shown)[:_LONGEST_LIST]


def _on_one_axis(file: TimelineFile, path: Path) -> TimelineFile:
    """The same with its sessions laid out, and its notes in order; without a time of day, it stays as it is."""
    sessions: list[tuple[float, float]] = []  # the time of day at which each began, and by how much it is moved
    moved: list[Turn] = []
    before = newest_s = end_s = 0.0
    for turn in file.turns:
        began = _began(turn.extra.get(STARTED_AT), turn.start_s)
        if began is not None:
            if not sessions:
                sessions.append((began, 0.0))
            elif turn.end_s < newest_s or began - before > _JUMP_S:
                # Where the system's clock was set back, sessions follow each other all the same.
                sessions.append((began, max(began - sessions[0][0], end_s - turn.start_s)))
            before, newest_s = began, turn.end_s
        moved.append(_moved(turn, sessions[-1][1] if sessions else 0.0))
        end_s = max(end_s, moved[-1].end_s)
    notes = [_moved_note(note, sessions) for note in file.notes]
    notes.sort(key=lambda note: (isinstance(note, Alert), note.time_s))
    notices = file.notices
    if len(sessions) > 1:
        notices += (f"'{path}' holds {len(sessions)} sessions; they are laid out by the time of day.",)
    if sessions and all(turn.turn > 1 for turn in moved):
        before_s = min([*(turn.start_s for turn in moved), *(note.time_s for note in notes)])
        moved = [_moved(turn, -before_s) for turn in moved]
        notes = [replace(note, time_s=round(note.time_s - before_s, 3)) for note in notes]
        notices += (f"'{path}' goes on from an earlier file; its seconds are counted from its first turn.",)
    return replace(file, turns=tuple(moved), notes=tuple(notes), notices=notices)


def _began(clock: object, time_s: float) -> float | None:
    """When a session began, in seconds since 1970, by the time of day of one of its moments."""
    try:
        return datetime.fromisoformat(clock).timestamp() - time_s if isinstance(clock, str) else None
    except (ValueError, OverflowError, OSError):
        return None


def _moved_note(note: Note, sessions: Sequence[tuple[float, float]]) -> Note:
    began = _began(note.at, note.time_s)
    if len(sessions) < 2 or began is None:
        return note
    _, shift = min(sessions, key=lambda session: abs(session[0] - began))
    return replace(note, time_s=round(note.time_s + shift, 3))


def _moved(turn: Turn, shift: float) -> Turn:
    if shift == 0:
        return turn

    def later(value: float) -> float:
        return round(value + shift, 3)

    spans = {name: later(value) for name in SALIENT_COLUMNS if isinstance(value := turn.extra.get(name), float)}
    words = turn.words and tuple(
        replace(word, start_s=later(word.start_s), end_s=later(word.end_s)) for word in turn.words
    )
    start_s, end_s = later(turn.start_s), later(turn.end_s)
    return replace(turn, start_s=start_s, end_s=end_s, words=words, extra={**turn.extra, **spans})
