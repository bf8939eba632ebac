"""Subtitles: a timeline as SubRip (.srt) for any player, and as WebVTT for a video player or a web page.

SubRip has no specification and no escapes: players take `<i>` and the like for markup, and a text that looks like it is
written as it is. Each turn is one line that begins with the speaker, which no reader takes for a time. In WebVTT (W3C,
"WebVTT: The Web Video Text Tracks Format", section 4) each turn is a cue with the speaker as its voice and the emotion
as its class, so that a style sheet can colour it: `::cue(.angry) { color: orangered }`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from monitor.timeline.turn import Turn
from stser_core.files import utf8

_LINE_ENDS = ("Cc", "Zl", "Zp")
NO_WORDS = "[speech]"
_WEBVTT_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def in_order(turns: Iterable[Turn]) -> list[Turn]:
    """The turns as one reads them: by their start."""
    return sorted(turns, key=lambda turn: (turn.start_ms, turn.end_ms, turn.turn))


def shown_ms(turn: Turn) -> tuple[int, int]:
    """Start and end in milliseconds; the end lies after the start, as every one of these formats demands."""
    return turn.start_ms, max(turn.end_ms, turn.start_ms + 1)


def caption(turn: Turn) -> str:
    """Emotion and words in one line: `[angry 50%] where is it`."""
    parts = [] if turn.emotion is None or turn.confidence is None else [f"[{turn.emotion} {turn.confidence:.0%}]"]
    words = one_line(turn.transcript or "")
    if words:
        parts.append(words)
    return " ".join(parts) or NO_WORDS


def one_line(text: str) -> str:
    """The text with a blank for each line end, tab and other control character, for formats that cannot hold them."""
    return "".join(" " if unicodedata.category(sign) in _LINE_ENDS else sign for sign in text).strip()


def clock_time(milliseconds: int, decimal: str) -> str:
    """A time as `hh:mm:ss.mmm`."""
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{decimal}{milliseconds:03}"


def write_srt(turns: Sequence[Turn], stream: BinaryIO) -> None:
    """Write a subtitle for each turn, in order of their start."""
    for number, turn in enumerate(in_order(turns), start=1):
        start, end = (clock_time(time, ",") for time in shown_ms(turn))
        stream.write(utf8(f"{number}\n{start} --> {end}\n{one_line(turn.speaker)}: {caption(turn)}\n\n"))


def write_webvtt(turns: Sequence[Turn], stream: BinaryIO) -> None:
    """Write a cue for each turn, in order of their start."""
    stream.write(b"WEBVTT\n")
    for number, turn in enumerate(in_order(turns), start=1):
        start, end = (clock_time(time, ".") for time in shown_ms(turn))
        stream.write(utf8(f"\n{number}\n{start} --> {end}\n{_voice(turn)}\n"))


def _voice(turn: Turn) -> str:
    text = caption(turn).translate(_WEBVTT_ESCAPES)
    speaker = one_line(turn.speaker).translate(_WEBVTT_ESCAPES)
    marked = "v" if turn.emotion is None else f"v.{turn.emotion}"
    return f"<{marked} {speaker}>{text}</v>" if speaker else text
