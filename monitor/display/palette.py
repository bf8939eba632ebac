"""Colours, letters and glyphs: how an emotion looks on any terminal.

Each emotion has a letter and a colour, so that colour is never the only sign. Vermillion, yellow and blue are
those of Okabe and Ito ("Color Universal Design", 2008), grey is added for neutral. With simulated protanopia,
deuteranopia and tritanopia (Machado et al. 2009) the closest two still lie 31 apart in CIELAB; with orange
instead of yellow it would be 18, with bluish green 12.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style

LETTERS = MappingProxyType({"angry": "A", "happy": "H", "neutral": "N", "sad": "S"})
"""The letter of each emotion."""

_FULL = MappingProxyType({"angry": "#D55E00", "happy": "#F0E442", "neutral": "#999999", "sad": "#0072B2"})
_SIXTEEN = MappingProxyType({"angry": "red", "happy": "bright_yellow", "neutral": "bright_black", "sad": "blue"})
_WHITE_ON_FULL = frozenset({"sad"})
_WHITE_ON_SIXTEEN = frozenset({"angry", "neutral", "sad"})

SPEAKER_WIDTH = 10
"""Cells for a speaker's name."""

QUIET = Style(dim=True)
BOLD = Style(bold=True)

_EIGHTHS = "▏▎▍▌▋▊▉█"
_HEIGHTS = " ▁▂▃▄▅▆▇█"


class _Glyph:
    """A character of a palette: one of Unicode, and what stands for it where the terminal knows ASCII only."""

    def __init__(self, unicode: str, ascii: str) -> None:
        self._unicode, self._ascii = unicode, ascii

    def __get__(self, palette: Palette, owner: type[Palette]) -> str:
        return self._unicode if palette.unicode else self._ascii


@dataclass(frozen=True)
class Palette:
    """Colours and characters of a terminal.

    Attributes:
        sixteen: It has the sixteen named colours only.
        colour: It shows colours at all (`NO_COLOR` is not set, and so on).
        unicode: It can show block characters and dashes.
    """

    sixteen: bool = False
    colour: bool = True
    unicode: bool = True

    @classmethod
    def of(cls, console: Console) -> Palette:
        """The palette that suits a console."""
        return cls(
            sixteen=console.color_system in ("standard", "windows"),
            colour=console.color_system is not None and not console.no_color,
            unicode=console.encoding.lower().startswith("utf"),
        )

    def ink(self, emotion: str) -> Style:
        """An emotion's colour, for bars."""
        return Style(color=(_SIXTEEN if self.sixteen else _FULL)[emotion])

    def block(self, emotion: str) -> Style:
        """An emotion's colour as the ground under its letter."""
        lettered = _WHITE_ON_SIXTEEN if self.sixteen else _WHITE_ON_FULL
        ground = (_SIXTEEN if self.sixteen else _FULL)[emotion]
        # "black" and "white" follow the terminal's theme; the exact shades stay legible on the exact grounds.
        white, black = ("bright_white", "black") if self.sixteen else ("#FFFFFF", "#000000")
        return Style(color=white if emotion in lettered else black, bgcolor=ground, bold=True)

    silence = _Glyph("─", "-")
    """A cell without speech."""

    speaking = _Glyph("▒", ":")
    """A cell of a turn that is not finished."""

    mark = _Glyph("▼", "v")
    """A mark on the time axis."""

    dash = _Glyph("–", "-")
    """Between two times."""

    dot = _Glyph(" · ", " - ")
    """Between two facts on a line."""

    ellipsis = _Glyph("…", "~")
    """Marks a text that was cut off."""

    played = _Glyph("━", "=")
    """The part of the recording that is done."""

    @property
    def fill(self) -> str:
        """Fills a block after its letter: with its colour, or a heavy line without colours."""
        if self.colour:
            return " "
        return "━" if self.unicode else "="

    @property
    def unscored(self) -> str:
        """A cell of an unscored turn; never the same as `fill`."""
        if not self.unicode:
            return "."
        return "━" if self.colour else "░"

    def bar(self, share: float, width: int) -> str:
        """A horizontal bar of `share` (0…1) of `width` cells, to an eighth of a cell; never longer."""
        if not self.unicode:
            return "#" * round(share * width)
        eighths = round(share * width * 8)
        full, rest = divmod(eighths, 8)
        return "█" * full + (_EIGHTHS[rest - 1] if rest else "")

    def height(self, share: float) -> str:
        """One cell for a probability: its height in eighths, or its first decimal; blank for next to nothing."""
        if self.unicode:
            return _HEIGHTS[round(share * 8)]
        return str(min(9, round(share * 10))) if share >= 0.05 else " "

    def fitted(self, text: str, width: int) -> str:
        """`text` in exactly `width` cells: padded, or cut with an ellipsis; wide characters count as two."""
        if cell_len(text) <= width:
            return text + " " * (width - cell_len(text))
        kept = ""
        for character in text:
            if cell_len(kept) + cell_len(character) > width - 1:
                break
            kept += character
        return (kept.rstrip() + self.ellipsis).ljust(len(kept) + 1) + " " * (width - 1 - cell_len(kept))


def printable(text: str) -> str:
    """`text` with control characters (escapes, line ends) replaced."""
    return "".join(character if character.isprintable() else "?" for character in text)


def transcriber_name(name: str) -> str:
    """A transcriber's name on a screen."""
    return "no transcript" if name == "none" else name


def clock(seconds: float) -> str:
    """A time on a recording as `m:ss` or `h:mm:ss`, cut off to the second."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
