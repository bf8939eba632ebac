"""Files that are either there as a whole or not at all, also after a power cut."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from stser_core.errors import OutputError


def write_durably(path: Path, content: bytes, aside: Path) -> None:
    """Write a file; see `written_durably`."""
    with written_durably(path, aside) as file:
        file.write(content)


@contextmanager
def written_durably(path: Path, aside: Path) -> Iterator[BinaryIO]:
    """Lend a file that takes its place only when all of it is on the disk.

    It is written aside, synchronised, and renamed, which POSIX makes one step; then the folder is synchronised,
    since the name is kept there.

    Args:
        path: Where it goes; folders that are missing are made.
        aside: An existing folder on the same file system.

    Yields:
        The file.

    Raises:
        OutputError: The disk is full, or the like; whatever was there before still is.
    """
    waiting = aside / uuid4().hex
    try:
        with waiting.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        path.parent.mkdir(parents=True, exist_ok=True)
        waiting.replace(path)
        _synchronise(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            waiting.unlink(missing_ok=True)


def cannot_write(path: Path, error: OSError) -> OutputError:
    """The sentence for a file that cannot be written."""
    return OutputError(f"Cannot write '{path}': {error.strerror or error}.")


def _synchronise(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
