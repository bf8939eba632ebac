"""A timeline as WebVTT: captions for a video player or a web page.

Each turn is a cue with the speaker as its voice and the emotion as its class, so that a style sheet can colour it:
`::cue(.angry) { color: orangered }`. Source: W3C, "WebVTT: The Web Video Text Tracks Format", section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from monitor.exporters.captions import caption, clock_time, encoded, in_order, one_line, shown_ms
from monitor.timeline.turn import Turn

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def write_webvtt(turns: Sequence[Turn], stream: BinaryIO) -> None:
    """Write a cue for each turn, in order of their start."""
    stream.write(b"WEBVTT\n")
    for number, turn in enumerate(in_order(turns), start=1):
        start, end = (clock_time(time, ".") for time in shown_ms(turn))
        stream.write(encoded(f"\n{number}\n{start} --> {end}\n{_voice(turn)}\n"))


def _voice(turn: Turn) -> str:
    text = caption(turn).translate(_ESCAPES)
    speaker = one_line(turn.speaker).translate(_ESCAPES)
    marked = "v" if turn.emotion is None else f"v.{turn.emotion}"
    return f"<{marked} {speaker}>{text}</v>" if speaker else text
