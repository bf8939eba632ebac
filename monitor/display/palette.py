"""How emotions, texts and times look on a terminal.

Each emotion has a letter and a colour, so that colour is never the only sign. Vermillion, yellow and blue are
those of Okabe and Ito ("Color Universal Design", 2008), grey is added for neutral. With simulated protanopia,
deuteranopia and tritanopia (Machado et al. 2009) the closest two still lie 31 apart in CIELAB; with orange
instead of yellow it would be 18, with bluish green 12.
"""

from collections.abc import Mapping

from rich.cells import cell_len, set_cell_size
from rich.style import Style

LETTERS: Mapping[str, str] = {"angry": "A", "happy": "H", "neutral": "N", "sad": "S"}
"""The letter of each emotion."""

COLOURS: Mapping[str, tuple[str, str]] = {
    "angry": ("#d55e00", "#000000"),
    "happy": ("#f0e442", "#000000"),
    "neutral": ("#999999", "#000000"),
    "sad": ("#0072b2", "#ffffff"),
}
"""The colour of each emotion, and that of a letter on it."""

SPEAKER_WIDTH = 10
"""Cells for a speaker's name."""

QUIET = Style(dim=True, bold=False)
PLAIN = Style(bold=False, dim=False)
BOLD = Style(bold=True)

_EIGHTHS = "▏▎▍▌▋▊▉█"
_HEIGHTS = " ▁▂▃▄▅▆▇█"


def ink(emotion: str) -> Style:
    """An emotion's colour, for bars."""
    return Style(color=COLOURS[emotion][0])


def block(emotion: str) -> Style:
    """An emotion's colour as the ground under its letter; reversed, so that it is seen without colours, too."""
    ground, letter = COLOURS[emotion]
    return Style(color=ground, bgcolor=letter, reverse=True, bold=True)


def bar(share: float, width: int) -> str:
    """A horizontal bar of `share` (0…1) of `width` cells, to an eighth of a cell; never longer."""
    full, rest = divmod(round(share * width * 8), 8)
    return "█" * full + (_EIGHTHS[rest - 1] if rest else "")


def height(share: float) -> str:
    """One cell for a probability: its height in eighths; blank for next to nothing."""
    return _HEIGHTS[round(share * 8)]


def fitted(text: str, width: int) -> str:
    """`text` in exactly `width` cells: padded, or cut with an ellipsis; wide characters count as two."""
    if cell_len(text) > width:
        text = set_cell_size(text, width - 1).rstrip() + "…"
    return set_cell_size(text, width)


def name(speaker: str) -> str:
    """A speaker's name in a column."""
    return fitted(printable(speaker), SPEAKER_WIDTH)


def printable(text: str) -> str:
    """`text` with control characters (escapes, line ends) replaced."""
    return "".join(character if character.isprintable() else "?" for character in text)


def clock(seconds: float) -> str:
    """A time on a recording as `m:ss` or `h:mm:ss`, cut off to the second."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
