"""A timeline as WebVTT: captions for a video player or a web page.

Each turn is a cue with the speaker as its voice and the emotion as its class, so that a style sheet can colour it:
`::cue(.angry) { color: orangered }`. Source: W3C, "WebVTT: The Web Video Text Tracks Format", section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from monitor.exporters.captions import caption, clock_time, encoded, in_order, one_line, shown_ms
from monitor.timeline.row import TimelineRow

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def write_webvtt(rows: Sequence[TimelineRow], stream: BinaryIO) -> None:
    """Write a cue for each turn, in order of their start."""
    stream.write(b"WEBVTT\n")
    for number, row in enumerate(in_order(rows), start=1):
        start, end = (clock_time(time, ".") for time in shown_ms(row))
        stream.write(encoded(f"\n{number}\n{start} --> {end}\n{_voice(row)}\n"))


def _voice(row: TimelineRow) -> str:
    text = caption(row).translate(_ESCAPES)
    speaker = one_line(row.speaker).translate(_ESCAPES)
    marked = "v" if row.emotion is None else f"v.{row.emotion}"
    return f"<{marked} {speaker}>{text}</v>" if speaker else text
