"""Finds recordings in a tree of folders or in a list of paths."""

import codecs
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from os.path import exists, isdir  # Path's own raise where a name is too long
from pathlib import Path

from stser_core.errors import DataError, reason
from stser_core.files import RECORDING_SUFFIXES, is_recording, utf8

STDIN = "-"


@dataclass(frozen=True)
class Found:
    """A recording that is to be in the archive."""

    # Its path below the folder that was searched, with `/` between the parts: what the archive calls it. Bytes that are
    # not UTF-8 are visible escapes.
    name: str
    path: str  # where it is, from the root: a worker may run in another folder

    @property
    def utf8_path(self) -> str:
        """The path, in which bytes that are not UTF-8 are visible escapes."""
        return utf8(self.path).decode()


def find_recordings(place: str, out: Path) -> list[Found]:
    """Find the recordings of a place, in the order of their names.

    In a tree, a file counts whose extension is one of sound or film, or whose first bytes are; hidden files and
    folders, the archive itself and folders behind links are passed over. What a list names counts in any case.

    Args:
        place: A folder; a recording; a file of paths, one a line, seen from the current folder, in UTF-8; or `-` for
            such a list on standard input. Lines that begin with `#` are comments, and quotes around a path are not
            part of it.
        out: The archive's own folder.

    Raises:
        DataError: The place does not exist, the list cannot be read, or nothing is found.
    """
    if place == STDIN:
        found = _listed(sys.stdin.buffer.read())
    elif isdir(place):  # noqa: PTH112
        found = list(_in_tree(Path(os.path.abspath(place)), out.resolve()))  # noqa: PTH100  links are not to be followed
    elif is_recording(Path(place)):
        found = [_named(place)]
    else:
        try:
            found = _listed(Path(place).read_bytes())
        except FileNotFoundError as error:
            raise DataError(f"There is no folder, recording or list of recordings '{place}'.") from error
        except OSError as error:
            raise DataError(f"Cannot read the list '{place}': {reason(error)}.") from error
    if not found:
        raise DataError(f"No recording was found in {'the list' if place == STDIN else repr(place)}.")
    return sorted({one.name: one for one in found}.values(), key=lambda one: one.name)


def _in_tree(root: Path, out: Path) -> Iterator[Found]:
    refused: list[OSError] = []
    for folder, inner, files in os.walk(root, onerror=refused.append):
        inner[:] = [name for name in inner if not name.startswith(".") and Path(folder, name).resolve() != out]
        for file in files:
            path = Path(folder, file)
            # A link to a recording that is gone will be a failure.
            gone = path.suffix.lower() in RECORDING_SUFFIXES and not exists(path)  # noqa: PTH110
            if not file.startswith(".") and (gone or is_recording(path)):
                yield Found(utf8(path.relative_to(root).as_posix()).decode(), str(path))
    for error in refused:
        folder = str(error.filename)
        if Path(folder) == root:
            raise DataError(f"Cannot read the folder '{folder}': {reason(error)}.") from error
        # Nobody knows what is in it: it is listed with the failures, and stops nobody.
        yield Found(utf8(Path(folder).relative_to(root).as_posix()).decode(), folder)


def _listed(data: bytes) -> list[Found]:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError("The list of recordings is UTF-16; save it as UTF-8.")
    if b"\0" in data:
        raise DataError("The list of recordings holds a null byte; a list is a text with one path a line.")
    data = data.removeprefix(codecs.BOM_UTF8)
    if data.startswith(b"recording,channel,"):
        raise DataError("The list of recordings is a timeline; a list is a text with one path a line.")
    lines = (os.fsdecode(line.rstrip(b"\r")) for line in data.split(b"\n"))
    return [_named(path) for line in lines if (path := _path_in(line)) is not None]


def _path_in(line: str) -> str | None:
    """The path in a line of a list: without quotes and blanks around it; `None` for a comment or nothing.

    A line that is a file's path as it stands is that path, whatever it begins with.
    """
    bare = line.strip()
    if not bare or exists(line):  # noqa: PTH110
        return line if bare else None
    if bare.startswith("#"):
        return None
    if len(bare) > 2 and bare[0] == bare[-1] and bare[0] in "\"'":
        bare = bare[1:-1]
    slashed = bare.replace("\\", "/")  # from Windows, where this list was written
    return slashed if not exists(bare) and exists(slashed) else bare  # noqa: PTH110


def _named(path: str) -> Found:
    """A path that was given by itself is named as seen from here, or by the whole of it where it lies elsewhere."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100  links are not to be followed
    here = Path.cwd()
    name = absolute.relative_to(here) if absolute.is_relative_to(here) else absolute.relative_to(absolute.anchor)
    return Found(utf8(name.as_posix()).decode(), str(absolute))
