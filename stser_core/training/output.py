"""Output of training: result files, each in one step, JSON on standard output, and progress bars."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
from rich.console import Console
from rich.progress import Progress

from stser_core.errors import OutputError
from stser_core.files import STDOUT, write_whole, writing

_Item = TypeVar("_Item")


def progress(items: Iterable[_Item], what: str, total: int) -> Iterator[_Item]:
    """Iterate over items with a bar of this title on standard error, where that is a terminal."""
    console = Console(file=sys.stderr)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        yield from bar.track(items, total=total, description=what)


def write_json(results: object, path: Path) -> None:
    """Write indented JSON, to standard output where the path is `-`; raises `OutputError` where it cannot."""
    encoded = msgspec.json.format(msgspec.json.encode(results), indent=2)
    if str(path) == STDOUT:
        sys.stdout.write(encoded.decode() + "\n")
        return
    write_atomically(path, encoded + b"\n")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, and make its folder; raises `OutputError`."""
    need_folder(path.parent)
    write_whole(path, content)


def need_folder(folder: Path) -> None:
    """Make a folder, and check that files can be made in it; raises `OutputError`."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"Nothing can be written in {folder} (no permission).")
