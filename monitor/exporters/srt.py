"""A timeline as SubRip (.srt): subtitles for any player.

The format has no specification and no escapes: players take `<i>` and the like for markup, and a text that looks like
markup is written as it is. Each turn is one line that begins with the speaker, which no reader takes for a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from monitor.exporters.captions import caption, clock_time, encoded, in_order, one_line, shown_ms
from monitor.timeline.turn import Turn


def write_srt(turns: Sequence[Turn], stream: BinaryIO) -> None:
    """Write a subtitle for each turn, in order of their start."""
    for number, turn in enumerate(in_order(turns), start=1):
        start, end = (clock_time(time, ",") for time in shown_ms(turn))
        stream.write(encoded(f"{number}\n{start} --> {end}\n{one_line(turn.speaker)}: {caption(turn)}\n\n"))
