"""Views of live monitoring and a replay: a screen, plain lines, or nothing."""

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import Enum, auto

from rich.console import Console

from monitor.commands.notices import Notices
from monitor.commands.terminal import Keys, suspension
from monitor.display.screen import Session, Snapshot, print_finished, running_screen
from monitor.display.summary import summary_lines
from monitor.options import OutputOptions
from stser_core.files import STDOUT

_NOTICE_SHOWN_S = 15.0
_NOTICES_KEPT = 20
_LEAVE_SCREEN = b"\x1b[?1049l\x1b[?25h"


class DisplayMode(Enum):
    """The ways of showing a timeline while it is made."""

    SCREEN = auto()
    LINES = auto()
    NOTHING = auto()


def display_mode(output: OutputOptions, *, quiet: bool) -> DisplayMode:
    """Choose how to show a timeline while it is made.

    A terminal gets a screen; elsewhere each turn is a line on standard error. Where results go to
    standard output and that is the terminal, they are the view.
    """
    terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    if quiet or (terminal and STDOUT in (output.csv, output.jsonl)):
        return DisplayMode.NOTHING
    return DisplayMode.SCREEN if terminal else DisplayMode.LINES


@dataclass(eq=False)
class View:
    """Shows a replay or live monitoring from entering to leaving, and its totals in the end.

    While a live screen covers the terminal, the program's sentences are shown on it, and written afterwards; keys are
    obeyed, and Ctrl-Z gives the terminal back.
    """

    mode: DisplayMode
    notices: Notices
    session: Session
    snapshot: Callable[[str], Snapshot]  # gets the last of the program's sentences
    actions: Mapping[str, Callable[[], None]] = field(default_factory=dict)  # of the keys that the session obeys

    def __post_init__(self) -> None:
        self._said: deque[tuple[float, str]] = deque(maxlen=_NOTICES_KEPT)
        self._console = Console()
        self._screen = None
        if self.mode is DisplayMode.SCREEN:
            self._screen = running_screen(self._console, self.session, lambda: self.snapshot(self._last_said()))
        self._keys = Keys(sys.stdin, self.actions) if self.session.keys else None
        self._covering = ExitStack()

    def restore(self) -> None:
        """Give the terminal back at once, from inside a signal's handler."""
        if self._screen is not None:
            os.write(sys.__stdout__.fileno() if sys.__stdout__ is not None else 1, _LEAVE_SCREEN)
        if self._keys is not None:
            self._keys.restore()

    def cover(self) -> None:
        """Show the screen, where there is one."""
        if self._keys is not None:  # first: in the background, the system stops here whoever changes the terminal
            self._keys.take()
        if self._screen is not None:
            self._screen.start(refresh=True)

    def uncover(self) -> None:
        """Give the terminal back as it was; `cover` may be called again."""
        if self._screen is not None:
            self._screen.stop()
        if self._keys is not None:
            self._keys.restore()

    def __enter__(self) -> "View":
        live = self._screen is not None and self.session.live
        if live:
            self.notices.divert(lambda sentence: self._said.append((time.monotonic(), sentence)))
        self.cover()
        if self._keys is not None:
            self._covering.enter_context(self._keys)
        if live:
            self._covering.enter_context(suspension(self.uncover, self.cover))
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._covering.close()
        self.uncover()
        snapshot = self.snapshot("")
        if self._screen is not None:
            self.notices.divert(None)
            for _, sentence in self._said:
                self.notices.say(sentence)
            print_finished(self._console, self.session, snapshot)
        elif self.mode is DisplayMode.LINES:
            totals = snapshot.timeline.totals
            if totals or error is None:  # an error before the first sound says nothing about speech
                self.notices.line(*summary_lines(totals))

    def _last_said(self) -> str:
        """The last sentence, or nothing where that is long ago. From any thread."""
        said = tuple(self._said)
        return said[-1][1] if said and time.monotonic() - said[-1][0] < _NOTICE_SHOWN_S else ""
