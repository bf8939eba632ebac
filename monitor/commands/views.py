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
        self._screen = display.ReplayScreen(self._console, replay, progress) if mode is DisplayMode.SCREEN else None
        self._complete = False

    def complete(self) -> None:
        """Show the end of a recording."""
        self._complete = True

    def __enter__(self) -> ReplayView:
        if self._screen is not None:
            self._screen.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        interrupted = not self._complete
        if self._screen is not None:
            self._screen.stop()
            display.print_finished(self._console, self._replay, self._progress(), interrupted=interrupted)
            display.print_analytics(self._console, self._call())
        elif self._mode is DisplayMode.LINES:
            self._print_figures(interrupted)
        if self._svg is not None:
            picture = display.as_svg(self._replay, self._progress(), interrupted=interrupted)
            write_whole(self._svg, utf8(picture))

    def _print_figures(self, interrupted: bool) -> None:
        progress = self._progress()
        for text in display.summary_lines(speaker_figures(progress.turns)):
            self._notices.line(text)
        if interrupted:
            self._notices.line(display.stopped_at(self._replay, progress))


class ScreenNotices:
    """Keeps the program's sentences while its screen covers the terminal."""

    def __init__(self) -> None:
        self._said: deque[tuple[float, str]] = deque(maxlen=_NOTICES_KEPT)

    def say(self, sentence: str) -> None:
        """Take a sentence. From any thread."""
        self._said.append((time.monotonic(), sentence))

    def last(self) -> str:
        """The last sentence, or nothing where that is long ago."""
        said = tuple(self._said)
        return said[-1][1] if said and time.monotonic() - said[-1][0] < _NOTICE_SHOWN_S else ""

    def all(self) -> list[str]:
        """The last sentences, in order."""
        return [sentence for _, sentence in self._said]


class LiveView:
    """Shows what is listened to from entering to leaving, and its figures in the end."""

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
            notices: Where plain lines go; while the screen is there, its sentences are shown on it.
            info: Device, speakers and models.
            snapshot: Returns the present state at any time, from any thread, with the notice to show.
        """
        self._mode = mode
        self._notices = notices
        self._snapshot = snapshot
        self._said = ScreenNotices()
        self._screen = (
            display.LiveScreen(Console(), info, lambda: snapshot(self._said.last()))
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
            self._notices.divert(self._said.say)
        self.cover()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.uncover()
        if self._screen is not None:
            self._notices.divert(None)
            for sentence in self._said.all():
                self._notices.say(sentence)
            self._screen.print_ended()
        elif self._mode is DisplayMode.LINES:
            figures = self._snapshot("").timeline.figures
            if figures or error is None:  # an error before the first sound says nothing about speech
                for text in display.summary_lines(figures):
                    self._notices.line(text)
