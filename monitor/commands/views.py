"""Views of live monitoring and a replay: a screen, plain lines, or nothing."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from types import TracebackType

from rich.console import Console

from monitor import display
from monitor.analytics import CallAnalytics
from monitor.commands.notices import Notices
from monitor.display import LiveInfo, LiveSnapshot, Progress, Replay
from monitor.timeline.timeline import speaker_figures
from stser_core.files import STDOUT, utf8, write_whole

_NOTICE_SHOWN_S = 15.0
_NOTICES_KEPT = 20


class DisplayMode(Enum):
    """The ways of showing a timeline while it is made."""

    SCREEN = auto()
    LINES = auto()
    NOTHING = auto()


def display_mode(*outputs: str | None, quiet: bool) -> DisplayMode:
    """Choose how to show a timeline while it is made.

    A terminal gets a screen; elsewhere each turn is a line on standard error. Where results go to
    standard output and that is the terminal, they are the view.

    Args:
        outputs: Where results go; `-` is standard output.
        quiet: Whether only results and errors are shown.
    """
    terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    if quiet or (terminal and STDOUT in outputs):
        return DisplayMode.NOTHING
    return DisplayMode.SCREEN if terminal else DisplayMode.LINES


class ReplayView:
    """Shows a replay from entering to leaving, and saves its last screen where that is wanted."""

    def __init__(
        self,
        mode: DisplayMode,
        notices: Notices,
        replay: Replay,
        progress: Callable[[], Progress],
        call: Callable[[], CallAnalytics],
        svg: str | None,
    ) -> None:
        """Prepare, without showing anything yet.

        Args:
            mode: See `display_mode`.
            notices: Where plain lines go.
            replay: Recording, speakers and models.
            progress: Gives a snapshot at any time, from any thread.
            call: Returns the analytics so far.
            svg: Where the last screen is saved, or `None`.
        """
        self._mode = mode
        self._notices = notices
        self._replay = replay
        self._progress = progress
        self._call = call
        self._svg = svg
        self._console = Console()
        self._screen = display.replay_screen(self._console, replay, progress) if mode is DisplayMode.SCREEN else None
        self._interrupted = True

    def complete(self) -> None:
        """Show the end of a recording."""
        self._interrupted = False

    def __enter__(self) -> ReplayView:
        if self._screen is not None:
            self._screen.start()
        return self

    def __exit__(self, *error: object) -> None:
        progress = self._progress()
        if self._screen is not None:
            self._screen.stop()
            display.print_finished(self._console, self._replay, progress, interrupted=self._interrupted)
            display.print_analytics(self._console, self._call())
        elif self._mode is DisplayMode.LINES:
            self._notices.line(*display.summary_lines(speaker_figures(progress.turns)))
            if self._interrupted:
                self._notices.line(display.stopped_at(self._replay, progress))
        if self._svg is not None:
            write_whole(self._svg, utf8(display.as_svg(self._replay, progress, interrupted=self._interrupted)))


class LiveView:
    """Shows what is listened to from entering to leaving, and its figures in the end.

    While a screen covers the terminal, the program's sentences are shown on it, and written afterwards.
    """

    def __init__(
        self,
        mode: DisplayMode,
        notices: Notices,
        info: LiveInfo,
        snapshot: Callable[[str], LiveSnapshot],
    ) -> None:
        """Prepare, without showing anything yet.

        Args:
            mode: See `display_mode`.
            notices: Where plain lines go.
            info: Device, speakers and models.
            snapshot: Returns the present state at any time, from any thread, with the notice to show.
        """
        self._mode = mode
        self._notices = notices
        self._info = info
        self._snapshot = snapshot
        self._said: deque[tuple[float, str]] = deque(maxlen=_NOTICES_KEPT)
        self._console = Console()
        self._screen = (
            display.live_screen(self._console, info, lambda: snapshot(self._last_said()))
            if mode is DisplayMode.SCREEN
            else None
        )

    def restore(self) -> None:
        """Give the terminal back at once, from inside a signal's handler."""
        if self._screen is not None:
            display.leave_screen(sys.__stdout__.fileno() if sys.__stdout__ is not None else 1)

    def cover(self) -> None:
        """Show the screen, where there is one."""
        if self._screen is not None:
            self._screen.start()

    def uncover(self) -> None:
        """Give the terminal back as it was; `cover` may be called again."""
        if self._screen is not None:
            self._screen.stop()

    def __enter__(self) -> LiveView:
        if self._screen is not None:
            self._notices.divert(lambda sentence: self._said.append((time.monotonic(), sentence)))
        self.cover()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.uncover()
        if self._screen is not None:
            self._notices.divert(None)
            for _, sentence in self._said:
                self._notices.say(sentence)
            display.print_ended(self._console, self._info, self._snapshot(""))
        elif self._mode is DisplayMode.LINES:
            figures = self._snapshot("").timeline.figures
            if figures or error is None:  # an error before the first sound says nothing about speech
                self._notices.line(*display.summary_lines(figures))

    def _last_said(self) -> str:
        """The last sentence, or nothing where that is long ago. From any thread."""
        said = tuple(self._said)
        return said[-1][1] if said and time.monotonic() - said[-1][0] < _NOTICE_SHOWN_S else ""
