"""Finding and reading a corpus's files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stser_core.errors import DataError

SOUND_SUFFIXES = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".wma", ".aif", ".aiff", ".amr", ".webm"}
)
VIDEO_SUFFIXES = frozenset({".mp4", ".mkv", ".mov", ".avi", ".flv"})

_NAMED_IN_A_MESSAGE = 3


def require_folder(corpus: str, directory: Path) -> None:
    """Refuse a corpus folder that is not there.

    Raises:
        DataError: `directory` does not exist or is a file.
    """
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
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def some(names: Sequence[object]) -> str:
    """Name the first few of many in a message: `a, b, c and 7 more`."""
    shown = ", ".join(str(name) for name in names[:_NAMED_IN_A_MESSAGE])
    rest = len(names) - _NAMED_IN_A_MESSAGE
    return f"{shown} and {rest:,} more" if rest > 0 else shown
