"""Shows a replay on a terminal: a view drawn four times a second from a snapshot, and one that stays."""

from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from monitor.display.palette import Palette
from monitor.display.screen import Progress, Replay, finished, running

FRAMES_PER_SECOND = 4
"""How often a live view is drawn."""

_SMALLEST = 12
_TALLEST = 44


class LiveScreen:
    """The live view of a replay.

    Rich draws from its own thread; all that it reads is the snapshot that `progress` returns.
    """

    def __init__(self, console: Console, replay: Replay, progress: Callable[[], Progress]) -> None:
        self._console = console
        self._palette = Palette.of(console)
        self._replay = replay
        self._progress = progress
        self._live = Live(
            console=console,
            get_renderable=self._frame,
            refresh_per_second=FRAMES_PER_SECOND,
            vertical_overflow="crop",
        )

    def start(self) -> None:
        """Draw the first frame, and go on drawing."""
        self._live.start(refresh=True)

    def stop(self) -> None:
        """Take the last frame away, so that what stays can be printed in its place."""
        self._live.transient = True
        self._live.stop()

    def _frame(self) -> Group:
        width, height = self._console.size
        # One line less than the terminal has, because the cursor needs one.
        lines = running(self._replay, self._progress(), width, max(_SMALLEST, min(_TALLEST, height - 1)), self._palette)
        return unwrapped(lines)


def print_finished(console: Console, replay: Replay, progress: Progress, *, interrupted: bool = False) -> None:
    """Print the view that stays."""
    width, height = console.size
    lines = finished(replay, progress, width, height - 1, Palette.of(console), interrupted=interrupted)
    console.print(unwrapped(lines))


def as_svg(replay: Replay, progress: Progress, *, interrupted: bool = False) -> str:
    """The view that stays as a picture of a terminal of 100 by 30 cells, in full colour."""
    with io.StringIO() as nowhere:
        console = Console(
            record=True, file=nowhere, width=100, height=30, color_system="truecolor", force_terminal=True
        )
        print_finished(console, replay, progress, interrupted=interrupted)
        return console.export_svg(title=f"stser-monitor replay {replay.recording}")


def unwrapped(lines: list[Text]) -> Group:
    """Lines as rich draws them, none of them ever folded."""
    for line in lines:
        line.no_wrap = True
        line.overflow = "crop"
    return Group(*lines)
