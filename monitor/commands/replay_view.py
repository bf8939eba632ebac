"""How a replay shows itself: a live view, plain lines, or nothing."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from enum import Enum, auto
from types import TracebackType

from rich.console import Console

from monitor import display
from monitor.analytics import CallAnalytics
from monitor.commands.notices import Notices
from monitor.display import Progress, Replay
from monitor.exporters.destination import Destination
from monitor.timeline.timeline import speaker_figures


class Manner(Enum):
    """The ways of showing a replay."""

    LIVE = auto()
    LINES = auto()
    NOTHING = auto()


def manner(*, quiet: bool, results_on_stdout: bool, terminal: bool) -> Manner:
    """Choose how to show a replay.

    A terminal gets the live view; elsewhere each turn is a line on standard error. Where results go to
    standard output and that is the terminal, they are the view.
    """
    if quiet or (results_on_stdout and terminal):
        return Manner.NOTHING
    return Manner.LIVE if terminal else Manner.LINES


class ReplayView:
    """Shows a replay from entering to leaving, and saves its last screen where that is wanted."""

    def __init__(
        self,
        how: Manner,
        notices: Notices,
        replay: Replay,
        progress: Callable[[], Progress],
        call: Callable[[], CallAnalytics],
        picture: Destination | None,
    ) -> None:
        """Prepare, without showing anything yet.

        Args:
            how: See `manner`.
            notices: Where plain lines go.
            replay: What stays the same.
            progress: Gives a snapshot at any time, from any thread.
            call: Gives the figures of what was heard.
            picture: Where the last screen goes as SVG.
        """
        self._how = how
        self._notices = notices
        self._replay = replay
        self._progress = progress
        self._call = call
        self._picture = picture
        if isinstance(sys.stdout, io.TextIOWrapper):
            # Words in a script that the terminal's encoding lacks must not end the view.
            sys.stdout.reconfigure(errors="replace")
        self._console = Console()
        self._screen = display.LiveScreen(self._console, replay, progress) if how is Manner.LIVE else None
        self._complete = False

    def complete(self) -> None:
        """The recording was heard to its end."""
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
        elif self._how is Manner.LINES:
            self._print_figures(interrupted)
        if self._picture is not None:
            self._picture.begin()
            self._picture.write(display.as_svg(self._replay, self._progress(), interrupted=interrupted))

    def _print_figures(self, interrupted: bool) -> None:
        progress = self._progress()
        for text in display.summary_lines(speaker_figures(progress.turns)):
            self._notices.line(text)
        if interrupted:
            self._notices.line(display.stopped_at(self._replay, progress))
