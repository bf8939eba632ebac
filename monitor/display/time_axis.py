"""Turns over a time axis: a coloured block for each turn, and a curve for each emotion over the last minute."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text

from monitor.display.palette import LETTERS, QUIET, block, clock, fitted, height, ink
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200)
_DAY_S = 86_400


@dataclass(frozen=True)
class Span:
    """The time span of a line, `start_s` to `end_s`, and the number of its cells."""

    start_s: float
    end_s: float
    width: int

    def cell(self, time_s: float) -> int:
        """The cell in which a time lies, held inside the span."""
        share = (time_s - self.start_s) / (self.end_s - self.start_s)
        return max(0, min(self.width - 1, math.floor(share * self.width)))

    @property
    def cell_s(self) -> float:
        """Seconds that one cell stands for."""
        return (self.end_s - self.start_s) / self.width


def axis(span: Span) -> Text:
    """The times above the blocks, at round steps with space between them."""
    room = len(clock(span.end_s)) + 4
    whole_days = math.ceil(room * span.cell_s / _DAY_S) * _DAY_S
    step = next((step for step in _STEPS_S if step / span.cell_s >= room), whole_days)
    cells = [" "] * span.width
    time_s = math.ceil(span.start_s / step) * step
    while time_s < span.end_s:
        label, place = clock(time_s), span.cell(time_s)
        if place + len(label) <= span.width:
            cells[place : place + len(label)] = label
        time_s += step
    return Text("".join(cells), style=QUIET)


def turn_blocks(turns: Sequence[Turn], span: Span, position_s: float) -> Text:
    """One channel's turns as blocks, in `span.width` cells, blank after `position_s`.

    A turn starts with its emotion's letter and fills its cells with its colour. Where several turns share a
    cell, the one that speaks longest in it has it, so a block is missing only where a cell is too coarse.
    """
    owners: list[Turn | None] = [None] * span.width
    longest = [0.0] * span.width
    for turn in turns:
        if turn.end_s <= span.start_s or turn.start_s >= span.end_s:
            continue
        for place in range(span.cell(turn.start_s), span.cell(turn.end_s) + 1):
            left_s = span.start_s + place * span.cell_s
            inside_s = min(turn.end_s, left_s + span.cell_s) - max(turn.start_s, left_s)
            if inside_s > longest[place]:
                owners[place], longest[place] = turn, inside_s
    last = span.cell(position_s)
    text = Text()
    for place, owner in enumerate(owners):
        if owner is None:
            text.append("─" if place <= last and position_s > 0 else " ", QUIET)
        elif owner.emotion is None:
            text.append("━", QUIET)
        else:
            first = place == 0 or owners[place - 1] is not owner
            text.append(LETTERS[owner.emotion] if first else " ", block(owner.emotion))
    return text


WINDOW_S = 60.0
"""Seconds of talk behind each point of the curve."""

CURVE_HEIGHT = len(LABELS)
"""Lines of `curve`."""


def mean_probabilities(turns: Sequence[Turn], time_s: float) -> tuple[float, ...] | None:
    """The mean probability of each emotion over the speech of the minute before a time; `None` without speech.

    Each turn counts with its probabilities, for as long as it lasted inside the minute.
    """
    sums = [0.0] * len(LABELS)
    for turn in turns:
        inside_s = min(turn.end_s, time_s) - max(turn.start_s, time_s - WINDOW_S)
        if turn.probabilities is not None and inside_s > 0:
            for place, probability in enumerate(turn.probabilities):
                sums[place] += inside_s * probability
    total = sum(sums)
    return tuple(one / total for one in sums) if total > 0 else None


def curve(turns: Sequence[Turn], span: Span, position_s: float, label_width: int) -> list[Text]:
    """The curve over a stretch of time, blank after `position_s`, in `CURVE_HEIGHT` lines.

    Before it stands each emotion's name in `label_width` cells, and behind it its last value in six.
    """
    scored = [turn for turn in turns if turn.probabilities is not None and turn.end_s > span.start_s - WINDOW_S]
    last = span.cell(position_s)
    points = [
        mean_probabilities(scored, min(position_s, span.start_s + (place + 1) * span.cell_s)) if place <= last else None
        for place in range(span.width)
    ]
    now = mean_probabilities(scored, position_s)
    lines = []
    for place, label in enumerate(LABELS):
        line = Text(fitted(f"{LETTERS[label]} {label}", label_width))
        line.append("".join(" " if each is None else height(each[place]) for each in points), ink(label))
        line.append("      " if now is None else f" {now[place]:4.0%} ", Style(dim=now is None))
        lines.append(line)
    return lines
