"""What the program says beside its results: one sentence at a time, on standard error."""

from __future__ import annotations

import sys

from stser_core.command_line import complain

PROGRAM = "stser-monitor"


class Notices:
    """Writes notices to standard error, or nothing where the user wants quiet."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet

    def say(self, sentence: str) -> None:
        """Say one sentence."""
        if not self.quiet:
            complain(PROGRAM, sentence)

    def line(self, text: str) -> None:
        """Write one line as it is."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)
