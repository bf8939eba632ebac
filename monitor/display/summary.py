"""The figures at the end: each speaker's turns, talk time and emotions."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text

from monitor.display.palette import LETTERS, Palette, clock, printable
from monitor.display.turns import SPEAKER_WIDTH
from monitor.timeline import SpeakerFigures
from stser_core.emotions import LABELS

_QUIET = Style(dim=True)
_BOLD = Style(bold=True)


def summary(figures: Sequence[SpeakerFigures], width: int, palette: Palette) -> list[Text]:
    """One line for each speaker under a heading.

    Args:
        figures: The speakers.
        width: Cells in a line.
        palette: What the terminal can show.

    Returns:
        As many lines as speakers, and one; a single sentence where nobody spoke.
    """
    if not figures:
        return [Text("No speech was found.")]
    columns = f"{'turns'.rjust(6)}  {'talk'.rjust(7)}  emotions by talk time"
    heading = Text(palette.fitted(f"{'speaker'.ljust(SPEAKER_WIDTH)} {columns}", width), style=_QUIET)
    return [heading, *(_line(speaker, width, palette) for speaker in figures)]


def shares(figures: SpeakerFigures) -> str:
    """The emotions of a speaker in words, the largest first: `neutral 61 %, angry 39 %`."""
    if figures.shares is None:
        return "not scored"
    ranked = sorted(zip(figures.shares, LABELS, strict=True), key=lambda pair: -pair[0])
    return ", ".join(f"{label} {share:.0%}".replace("%", " %") for share, label in ranked if share > 0)


def _line(figures: SpeakerFigures, width: int, palette: Palette) -> Text:
    text = Text(palette.fitted(printable(figures.speaker), SPEAKER_WIDTH), style=_BOLD)
    text.append(f" {figures.turns:6d}  {clock(figures.talk_s).rjust(7)}  ", Style(bold=False))
    words = shares(figures)
    # Room for the longest wording, so that the bars of all speakers are of one length.
    room = min(40, width - text.cell_len - len("neutral 99 %, happy 99 %, angry 99 %, sad 99 %") - 2)
    if figures.shares is None:
        text.append(words, Style(dim=True, bold=False))
    elif room >= 12:
        text.append_text(_stacked(figures.shares, room, palette))
        text.append(f"  {words}", Style(bold=False))
    else:
        text.append_text(_lettered(figures.shares, width - text.cell_len, palette))
    return text


def _stacked(shares_of: Sequence[float], width: int, palette: Palette) -> Text:
    """All shares side by side in one bar; the ends are rounded, so that the bar is always full."""
    text = Text()
    end = total = 0.0
    for label, share in zip(LABELS, shares_of, strict=True):
        end, total = round((total + share) * width), total + share
        cells = int(end) - text.cell_len
        if cells > 0:
            text.append(LETTERS[label] + palette.fill * (cells - 1), palette.block(label))
    return text


def _lettered(shares_of: Sequence[float], width: int, palette: Palette) -> Text:
    """A short bar and a number for each emotion, for a narrow terminal."""
    text = Text()
    room = max(1, width // len(LABELS) - len(" A 100 %  "))
    for label, share in zip(LABELS, shares_of, strict=True):
        text.append(f" {LETTERS[label]} ", palette.block(label))
        text.append(f"{share:4.0%}".replace("%", " %").rjust(6), Style(bold=False))
        text.append(" " + palette.bar(share, room).ljust(room) + " ", palette.ink(label))
    return text
