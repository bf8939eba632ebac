"""How the emotions of the last minute shared the talk, over time: a line for each emotion."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text

from monitor.display.lanes import Span
from monitor.display.palette import LETTERS, Palette
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS

WINDOW_S = 60.0
"""Seconds of talk behind each point of the curve."""

CURVE_HEIGHT = len(LABELS)
"""Lines of `curve`."""

Shares = tuple[float, ...]


def shares_at(turns: Sequence[Turn], time_s: float) -> Shares | None:
    """The share of each emotion in what was said in the minute before a moment.

    Each turn counts with its probabilities, for as long as it lasted inside the minute.

    Args:
        turns: Turns of any channels.
        time_s: The moment, in seconds from the start of the recording.

    Returns:
        Shares in the order of `LABELS` that sum to 1, or `None` where nobody spoke.
    """
    sums = [0.0] * len(LABELS)
    for turn in turns:
        inside_s = min(turn.end_s, time_s) - max(turn.start_s, time_s - WINDOW_S)
        if turn.probabilities is not None and inside_s > 0:
            for place, probability in enumerate(turn.probabilities):
                sums[place] += inside_s * probability
    total = sum(sums)
    return tuple(one / total for one in sums) if total > 0 else None


def curve(turns: Sequence[Turn], span: Span, position_s: float, label_width: int, palette: Palette) -> list[Text]:
    """The curve over a stretch of time, with each emotion's name before it and its last share behind.

    Args:
        turns: Turns of any channels.
        span: The stretch of time to show.
        position_s: How far has been heard: the curve is blank after it.
        label_width: Cells for the names.
        palette: What the terminal can show.

    Returns:
        `CURVE_HEIGHT` lines of `label_width` and `span.width` cells and six more.
    """
    scored = [turn for turn in turns if turn.probabilities is not None and turn.end_s > span.start_s - WINDOW_S]
    heard = span.cell(position_s)
    points = [
        shares_at(scored, min(position_s, span.start_s + (place + 1) * span.cell_s)) if place <= heard else None
        for place in range(span.width)
    ]
    now = shares_at(scored, position_s)
    return [_line(place, points, now, label_width, palette) for place in range(len(LABELS))]


def _line(place: int, points: Sequence[Shares | None], now: Shares | None, label_width: int, palette: Palette) -> Text:
    label = LABELS[place]
    line = Text(palette.fitted(f"{LETTERS[label]} {label}", label_width), style=Style())
    heights = "".join(" " if shares is None else palette.height(shares[place]) for shares in points)
    line.append(heights, palette.ink(label))
    line.append("      " if now is None else f" {now[place]:4.0%} ", Style(dim=now is None))
    return line
