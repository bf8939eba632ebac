"""Shows what is being listened to on a whole terminal, and leaves a summary behind."""

from __future__ import annotations

import os
from collections.abc import Callable

from rich.console import Console, Group
from rich.live import Live

from monitor.display.live import FRAMES_PER_SECOND, unwrapped
from monitor.display.palette import Palette
from monitor.display.session import Moment, Session, ended, listening

_LEAVE = b"\x1b[?1049l\x1b[?25h"


class ListeningScreen:
    """The live view, on the terminal's alternate screen: so resizing leaves nothing of an older frame behind.

    Rich draws from its own thread; all that it reads is the snapshot that `moment` returns.
    """

    def __init__(self, console: Console, session: Session, moment: Callable[[], Moment]) -> None:
        self._console = console
        self._palette = Palette.of(console)
        self._session = session
        self._moment = moment
        self._live = Live(
            console=console,
            get_renderable=self._frame,
            refresh_per_second=FRAMES_PER_SECOND,
            screen=True,
            vertical_overflow="crop",
        )

    def start(self) -> None:
        """Draw the first frame, and go on drawing."""
        self._live.start(refresh=True)

    def stop(self) -> None:
        """Give the terminal back as it was."""
        self._live.stop()

    def print_ended(self) -> None:
        """Print the view that stays."""
        width, height = self._console.size
        self._console.print(unwrapped(ended(self._session, self._moment(), width, height - 1, self._palette)))

    def _frame(self) -> Group:
        width, height = self._console.size
        return unwrapped(listening(self._session, self._moment(), width, height, self._palette))


def leave_screen(terminal: int) -> None:
    """Give a terminal back at once, whatever is being drawn. Never waits."""
    os.write(terminal, _LEAVE)
