"""Where in a turn the speech encoder's attention rested, as a line under the turn."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text

from monitor.display.palette import Palette
from monitor.timeline.salience import STEP_S
from monitor.timeline.turn import Turn

_QUIET = Style(dim=True)
_BEFORE = " " * 3
_LONGEST = 60
_WORDS = len("  half of the attention 1:23:45.6–1:23:45.9")


def attention(turn: Turn, width: int, palette: Palette) -> Text:
    """The attention over the turn: one cell for each 100 ms or more, the salient stretch underlined.

    Args:
        turn: The turn.
        width: Cells in a line.
        palette: What the terminal can show.

    Returns:
        One line; blank where the attention is not known.
    """
    span, salience = turn.salient_span, turn.salience
    if span is None or salience is None or turn.emotion is None:
        return Text("")
    cells = min(len(salience), max(8, min(_LONGEST, width - len(_BEFORE) - _WORDS)))
    shares = _per_cell(salience, cells)
    highest = max(shares)
    line = Text(_BEFORE)
    for place, share in enumerate(shares):
        # A cell counts as salient if its middle does.
        middle_s = turn.start_s + (place + 0.5) * len(salience) / cells * STEP_S
        inside = span[0] <= middle_s < span[1]
        style = palette.ink(turn.emotion) + Style(bold=True, underline=True) if inside else _QUIET
        line.append(palette.height(share / highest), style)
    line.append(f"  half of the attention {_tenths(span[0])}{palette.dash}{_tenths(span[1])}", _QUIET)
    line.truncate(width)
    return line


def _per_cell(salience: Sequence[float], cells: int) -> list[float]:
    """The shares on so many cells, at most as many as there are steps."""
    shares = [0.0] * cells
    for step, share in enumerate(salience):
        shares[step * cells // len(salience)] += share
    counts = [0] * cells
    for step in range(len(salience)):
        counts[step * cells // len(salience)] += 1
    return [share / count for share, count in zip(shares, counts, strict=True)]


def _tenths(seconds: float) -> str:
    """A time as `m:ss.t` or `h:mm:ss.t`."""
    tenths = round(seconds / STEP_S)
    minutes, rest = divmod(tenths, 600)
    hours, minute = divmod(minutes, 60)
    second = f"{rest // 10:02}.{rest % 10}"
    return f"{hours}:{minute:02}:{second}" if hours else f"{minute}:{second}"
