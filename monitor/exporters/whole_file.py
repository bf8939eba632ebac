"""Writes a file as a whole, so that it is either there or what it was; `Destination` writes record by record."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path

from monitor.exporters.destination import STDOUT
from stser_core.errors import ClosedPipeError, OutputError, UsageError


def write_whole(target: str, content: bytes) -> None:
    """Write a file that is either there as a whole or stays as it was.

    Args:
        target: A file's path, or `-` for standard output.
        content: All of it.

    Raises:
        ClosedPipeError: Standard output is a pipe that nobody reads any more.
        OutputError: It cannot be written.
    """
    try:
        if target == STDOUT:
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        elif _is_regular_or_new(Path(target)):
            _replace(Path(target).resolve(), content)
        else:
            Path(target).write_bytes(content)
    except BrokenPipeError as error:
        raise ClosedPipeError(f"Nobody reads {target} any more.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"Cannot write '{target}': {reason}.") from error


def check_writable(target: str) -> None:
    """Find out before the work, rather than after it, that a file cannot be written; leaves everything untouched.

    Args:
        target: A file's path, or `-` for standard output.

    Raises:
        OutputError: It cannot be written.
    """
    path = Path(target)
    if target == STDOUT:
        return
    if path.is_dir():
        raise OutputError(f"Cannot write '{target}': it is a folder.")
    if not path.parent.is_dir():
        raise OutputError(f"Cannot write '{target}': there is no folder '{path.parent}'.")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"Cannot write '{target}': the folder '{path.parent}' is read-only.")


def check_not_input(target: str, source: Path, what: str) -> None:
    """Refuse to write a file over what it is made from.

    Args:
        target: A file's path, or `-` for standard output.
        source: What is read.
        what: What that is, for the message: "the timeline".

    Raises:
        UsageError: They are one.
    """
    if target != STDOUT and Path(target).exists() and source.exists() and Path(target).samefile(source):
        raise UsageError(f"The output '{target}' is {what} itself; give another file with -o.")


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 – a descriptor has no path
            file.write(content)
        temporary.chmod(path.stat().st_mode if path.exists() else 0o666 & ~_umask())
        temporary.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _is_regular_or_new(path: Path) -> bool:
    return not path.exists() or stat.S_ISREG(path.stat().st_mode)
