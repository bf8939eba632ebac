"""Draws lines on a terminal, again and again; what the live view and the replay's have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from monitor.display.palette import BOLD, SPEAKER_WIDTH, Palette, printable
from monitor.display.turns import heading, table
from monitor.timeline.turn import Turn

LABEL_WIDTH = SPEAKER_WIDTH + 1
"""Cells before a line over the time axis."""

FEWEST_ROWS = 3
"""Turns that the table of a running view has room for, before anything else may take it."""

_FRAMES_PER_SECOND = 4
_MOST_ROWS_AFTERWARDS = 10

Draw: TypeAlias = Callable[[int, int, Palette], list[Text]]
"""Makes the lines of a view, of so many cells and lines, for a terminal."""


class Screen:
    """A view that is drawn from rich's own thread."""

    def __init__(self, console: Console, draw: Draw, *, alternate: bool = False) -> None:
        """Prepare.

        Args:
            console: The terminal.
            draw: Makes the lines, in rich's thread.
            alternate: Draw on the terminal's alternate screen, so that resizing leaves nothing of an older frame
                behind. Without it, the view is below what was printed before, and goes when it is stopped.
        """
        self._console = console
        self._draw = draw
        self._live = Live(
            console=console,
            get_renderable=self._frame,
            refresh_per_second=_FRAMES_PER_SECOND,
            screen=alternate,
            transient=True,
            vertical_overflow="crop",
        )

    def start(self) -> None:
        """Draw the first frame, and go on drawing."""
        self._live.start(refresh=True)

    def stop(self) -> None:
        """Take the last frame away."""
        self._live.stop()

    def _frame(self) -> Group:
        width, height = self._console.size
        return _unwrapped(self._draw(width, height, Palette.of(self._console)))


def print_view(console: Console, draw: Draw) -> None:
    """Print a view that stays, in a line less than the terminal has, because the cursor needs one."""
    width, height = console.size
    console.print(_unwrapped(draw(width, height - 1, Palette.of(console))))


def label(speaker: str, palette: Palette) -> str:
    """A speaker's name before a line."""
    return palette.fitted(printable(speaker), SPEAKER_WIDTH) + " "


def title(text: str, width: int, palette: Palette) -> Text:
    """A line in bold, cut where it is too long."""
    return Text(palette.fitted(text, width).rstrip(), BOLD)


def with_last_turns(
    above: Sequence[Text], turns: Sequence[Turn], below: Sequence[Text], width: int, height: int, palette: Palette
) -> list[Text]:
    """A view that stays: some of the last turns between two parts, as far as `height` has room for them."""
    rows = max(0, min(height - len(above) - len(below) - 2, _MOST_ROWS_AFTERWARDS, len(turns)))
    middle = [heading(turns, width, palette), *table(turns, rows, width, palette), Text("")] if rows else []
    return [*above, *middle, *below]


def _unwrapped(lines: list[Text]) -> Group:
    """Lines as rich draws them, none of them ever folded."""
    for line in lines:
        line.no_wrap = True
        line.overflow = "crop"
    return Group(*lines)
