"""What the formats for reading along have in common: their order, their times and what stands under a turn."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from monitor.timeline.turn import Turn

_LINE_ENDS = ("Cc", "Zl", "Zp")
_NO_WORDS = "[speech]"


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
    return " ".join(parts) or _NO_WORDS


def one_line(text: str) -> str:
    """The text with a blank for each line end, tab and other control character, for formats that cannot hold them."""
    return "".join(" " if unicodedata.category(sign) in _LINE_ENDS else sign for sign in text).strip()


def clock_time(milliseconds: int, decimal: str) -> str:
    """A time as `hh:mm:ss.mmm`.

    Args:
        milliseconds: From the start of the recording.
        decimal: The sign before the milliseconds.
    """
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{decimal}{milliseconds:03}"


def encoded(text: str) -> bytes:
    """UTF-8; what a file name that is none has become, a lone surrogate, is a visible escape."""
    return text.encode("utf-8", errors="backslashreplace")
