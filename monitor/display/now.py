"""A channel at this moment: its level, whether somebody speaks, and what has been understood of it so far."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

from monitor.display.palette import LETTERS, Palette, clock, printable
from monitor.flow import ChannelNow

_QUIET = Style(dim=True)
_BOLD = Style(bold=True)
_METER = 10
_LOWEST_DBFS = -60.0
_STATE = 14
_NAME = len("neutral? ")
_ROOM_FOR_NAMES = 50


def now(channel: ChannelNow, label: str, position_s: float, width: int, palette: Palette, *, paused: bool) -> Text:
    """One line: label, level meter, state, provisional emotion with a question mark, words so far.

    Args:
        channel: What is going on.
        label: The speaker, in as many cells as the lanes' labels have.
        position_s: How far has been heard.
        width: Cells in a line.
        palette: What the terminal can show.
        paused: Whether listening is paused.
    """
    line = Text(label)
    line.append(palette.fitted(palette.bar(meter_share(channel.level_dbfs), _METER), _METER))
    line.append(f" {channel.level_dbfs:4.0f} dB  " if channel.level_dbfs > _LOWEST_DBFS else "          ", _QUIET)
    state = _state(channel, position_s, paused=paused)
    line.append(palette.fitted(state, _STATE), _BOLD if channel.speaking else _QUIET)
    if channel.speaking:
        line.append_text(_so_far(channel, width - line.cell_len, palette))
    line.truncate(width)
    return line


def meter_share(level_dbfs: float) -> float:
    """How much of the meter a level fills: nothing at −60 dBFS, all of it at full scale."""
    return max(0.0, min(1.0, 1 - level_dbfs / _LOWEST_DBFS))


def _state(channel: ChannelNow, position_s: float, *, paused: bool) -> str:
    if channel.since_s is not None:
        return f"speaking {clock(max(0.0, position_s - channel.since_s))}"
    return "paused" if paused else "quiet"


def _so_far(channel: ChannelNow, room: int, palette: Palette) -> Text:
    text = Text()
    if channel.scores is not None:
        emotion = channel.scores.emotion
        text.append(f" {LETTERS[emotion]}? ", palette.ink(emotion) + Style(dim=not palette.sixteen, reverse=True))
        name = f"{emotion}? ".ljust(_NAME) if room > _ROOM_FOR_NAMES else ""
        text.append(f" {name}{channel.scores.confidence:.2f} ", _QUIET)
    if channel.words:
        text.append(" " + _end_of(printable(channel.words), room - text.cell_len - 2, palette), _QUIET)
        text.append(palette.ellipsis, _QUIET)
    return text


def _end_of(words: str, room: int, palette: Palette) -> str:
    """The last words that fit: they are the ones that are still coming."""
    kept = words.split(" ")
    while len(kept) > 1 and len(palette.ellipsis) + Text(" ".join(kept)).cell_len > room:
        kept = kept[1:]
    text = " ".join(kept)
    return text if text == words else palette.ellipsis + text
