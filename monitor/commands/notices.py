"""What the program says beside its results: one sentence at a time, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stser_core.command_line import complain

PROGRAM = "stser-monitor"


class Notices:
    """Writes notices to standard error, or nothing where the user wants quiet."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self._screen: Callable[[str], None] | None = None

    def divert(self, screen: Callable[[str], None] | None) -> None:
        """Give sentences to a screen that covers the terminal, or, with `None`, write them again."""
        self._screen = screen

    def say(self, sentence: str) -> None:
        """Say one sentence. From any thread."""
        screen = self._screen
        if self.quiet:
            return
        if screen is not None:
            screen(sentence)
        else:
            complain(PROGRAM, sentence)

    def line(self, text: str) -> None:
        """Write one line as it is."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show on a terminal what takes its time, until it is done; nothing of it stays."""
        if self.quiet or not sys.stderr.isatty():
            yield
            return
        from rich.console import Console

        with Console(stderr=True).status(f"{what} …", spinner_style="dim"):
            yield
