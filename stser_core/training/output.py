"""Figures as JSON, in files or on standard output."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from stser_core.errors import OutputError

STANDARD_OUTPUT = "-"


def write_json(figures: object, path: Path) -> None:
    """Write indented JSON; the path `-` stands for standard output.

    Raises:
        OutputError: The file cannot be written.
    """
    encoded = msgspec.json.format(msgspec.json.encode(figures), indent=2)
    if str(path) == STANDARD_OUTPUT:
        sys.stdout.write(encoded.decode() + "\n")
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded + b"\n")
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}).") from error


def need_writable(path: Path | None) -> None:
    """See before long work that a file can be written after it; nothing is left behind.

    Args:
        path: `None` and `-` need nothing.

    Raises:
        OutputError: It is a folder, or it or its folder cannot be written.
    """
    if path is None or str(path) == STANDARD_OUTPUT:
        return
    if path.is_dir():
        raise OutputError(f"{path} cannot be written (it is a folder).")
    need_folder(path.parent)
    if path.exists() and not os.access(path, os.W_OK):
        raise OutputError(f"{path} cannot be written (no permission).")


def need_folder(folder: Path) -> None:
    """Make a folder, and see that files can be made in it.

    Raises:
        OutputError: They cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {folder} cannot be made ({error.strerror}).") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"Nothing can be written in {folder} (no permission).")
