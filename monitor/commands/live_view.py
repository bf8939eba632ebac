"""How listening shows itself: a live screen, plain lines, or nothing."""

from __future__ import annotations

import io
import sys
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType

from rich.console import Console

from monitor import display
from monitor.commands.notices import Notices
from monitor.commands.replay_view import Manner
from monitor.display import Moment, Session

_NOTICE_SHOWN_S = 15.0
_NOTICES_KEPT = 20


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
        how: Manner,
        notices: Notices,
        session: Session,
        moment: Callable[[str], Moment],
    ) -> None:
        """Prepare, without showing anything yet.

        Args:
            how: See `replay_view.manner`.
            notices: Where plain lines go; while the screen is there, its sentences are shown on it.
            session: What stays the same.
            moment: Gives a snapshot at any time, from any thread, with the notice to show.
        """
        self._how = how
        self._notices = notices
        self._moment = moment
        self._said = ScreenNotices()
        if isinstance(sys.stdout, io.TextIOWrapper):
            # Words in a script that the terminal's encoding lacks must not end the view.
            sys.stdout.reconfigure(errors="replace")
        self._screen = (
            display.ListeningScreen(Console(), session, lambda: moment(self._said.last()))
            if how is Manner.LIVE
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
        elif self._how is Manner.LINES:
            figures = self._moment("").heard.figures
            if figures or error is None:  # what went wrong before anything was heard says nothing about speech
                for text in display.summary_lines(figures):
                    self._notices.line(text)
