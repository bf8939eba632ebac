"""Finding and reading a corpus's files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from stser_core.errors import DataError

SOUND_SUFFIXES = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".wma", ".aif", ".aiff", ".amr", ".webm"}
)
VIDEO_SUFFIXES = frozenset({".mp4", ".mkv", ".mov", ".avi", ".flv"})

_NAMED_IN_A_MESSAGE = 3


def require_folder(corpus: str, directory: Path) -> None:
    """Refuse a corpus folder that is not there."""
    if not directory.is_dir():
        raise DataError(f"{corpus}: {directory} is not a folder; give the folder that holds the corpus.")


def visible_files(directory: Path) -> list[Path]:
    """All files below a folder in a fixed order, without hidden ones.

    What starts with a dot is skipped, files and folders alike: among them are the `._` files (AppleDouble)
    that macOS leaves beside the real ones.
    """
    return sorted(
        path
        for path in directory.rglob("*")
        if not any(part.startswith(".") for part in path.relative_to(directory).parts) and path.is_file()
    )


def sound_files(directory: Path) -> list[Path]:
    """All visible recordings below a folder, whatever their format, in a fixed order."""
    return [path for path in visible_files(directory) if path.suffix.lower() in SOUND_SUFFIXES]


def read_text(path: Path) -> str:
    """Read a text file as UTF-8 (with or without a byte order mark), or as Latin-1 where it is not UTF-8.

    Old releases mix both; Latin-1 gives every byte a meaning, so nothing is lost.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def read_lines(path: Path) -> list[str]:
    """The lines of a text file; only line feeds and carriage returns end one."""
    return io.StringIO(read_text(path), newline=None).read().split("\n")


def read_table(path: Path, delimiter: str = ",") -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a table with a header, each with the number of its last line.

    Column names are lower case without surrounding blanks, and so are cells without theirs; cells that are
    missing at a row's end are empty.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""), delimiter=delimiter)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        for cells in reader:
            if len(cells) > len(header):
                raise DataError(f"{path}, line {reader.line_num}: more cells than columns; quote the text.")
            if cells:
                padded = cells + [""] * (len(header) - len(cells))
                yield reader.line_num, {name: cell.strip() for name, cell in zip(header, padded, strict=True)}
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}; close every quotation mark.") from error


def read_columns(path: Path, delimiter: str = ",") -> tuple[str, ...]:
    """A table's column names, as `read_table` gives them."""
    header = next(csv.reader(io.StringIO(read_text(path), newline=""), delimiter=delimiter), [])
    return tuple(name.strip().lower() for name in header)


def some(names: Sequence[object]) -> str:
    """Name the first few of many in a message: `a, b, c and 7 more`."""
    shown = ", ".join(str(name) for name in names[:_NAMED_IN_A_MESSAGE])
    rest = len(names) - _NAMED_IN_A_MESSAGE
    return f"{shown} and {rest:,} more" if rest > 0 else shown
