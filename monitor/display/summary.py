"""Metrics at the end, and plain lines without a terminal: a log file, a pipe, a service's journal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.style import Style
from rich.text import Text

from monitor.display.palette import BOLD, LETTERS, QUIET, SPEAKER_WIDTH, Palette, clock, printable
from monitor.timeline.notes import Alert
from monitor.timeline.timeline import SpeakerFigures
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS

_PLAIN = Style(bold=False)
_SHORTEST_BAR = 12
_LONGEST_BAR = 40
_LONGEST_WORDS = "neutral 99%, happy 99%, angry 99%, sad 99%"
_LONGEST_LETTERS = "A 99%  H 99%  N 99%  S 99%"


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
    heading = Text(palette.fitted(f"{'speaker'.ljust(SPEAKER_WIDTH)} {columns}", width), style=QUIET)
    return [heading, *(_line(speaker, width, palette) for speaker in figures)]


def shares(figures: SpeakerFigures) -> str:
    """The emotions of a speaker in words, the largest first: `neutral 61%, angry 39%`."""
    if figures.shares is None:
        return "not scored"
    ranked = sorted(zip(figures.shares, LABELS, strict=True), key=lambda pair: -pair[0])
    return ", ".join(f"{label} {share:.0%}" for share, label in ranked if share > 0)


def _line(figures: SpeakerFigures, width: int, palette: Palette) -> Text:
    text = Text(palette.fitted(printable(figures.speaker), SPEAKER_WIDTH), style=BOLD)
    text.append(f" {figures.turns:6d}  {clock(figures.talk_s).rjust(7)}  ", _PLAIN)
    if figures.shares is None:
        return text.append(shares(figures), Style(dim=True, bold=False))
    # Room for the longest wording, so that the bars of all speakers are of one length.
    room = width - text.cell_len - len(_LONGEST_WORDS) - 2
    words = shares(figures)
    if room < _SHORTEST_BAR:
        room = width - text.cell_len - len(_LONGEST_LETTERS) - 2
        words = "  ".join(f"{LETTERS[label]} {share:.0%}" for label, share in zip(LABELS, figures.shares, strict=True))
    if room >= _SHORTEST_BAR:
        text.append_text(_stacked(figures.shares, min(_LONGEST_BAR, room), palette)).append("  ")
    return text.append(words, _PLAIN)


def _stacked(shares_of: Sequence[float], width: int, palette: Palette) -> Text:
    """All proportions side by side in one bar; the ends are rounded, so that the bar is always full."""
    text = Text()
    end = total = 0.0
    for label, share in zip(LABELS, shares_of, strict=True):
        end, total = round((total + share) * width), total + share
        cells = int(end) - text.cell_len
        if cells > 0:
            text.append(LETTERS[label] + palette.fill * (cells - 1), palette.block(label))
    return text


def line(turn: Turn) -> str:
    """A turn in one line: `0:12-0:15 customer angry 0.82 "where is my car"`."""
    verdict = "not scored" if turn.emotion is None else f"{turn.emotion} {turn.confidence:.2f}"
    words = printable(turn.transcript or "")
    said = f' "{words}"' if words else ""
    return f"{clock(turn.start_s)}-{clock(turn.end_s)} {printable(turn.speaker)} {verdict}{said}"


def alert_line(alert: Alert) -> str:
    """An alert in one line: `0:15 alert: customer angry 0.82 (angry>0.7 for 2 turns)`."""
    probability = f"{alert.emotion} {alert.probability:.2f}"
    return f"{clock(alert.time_s)} alert: {printable(alert.speaker)} {probability} ({printable(alert.rule)})"


def summary_lines(figures: Iterable[SpeakerFigures]) -> list[str]:
    """A sentence for each speaker, or one that says that nobody spoke."""
    lines = [
        f"{printable(speaker.speaker)}: {speaker.turns} {'turn' if speaker.turns == 1 else 'turns'}, "
        f"talk time {clock(speaker.talk_s)}, {shares(speaker)}."
        for speaker in figures
    ]
    return lines or ["No speech was found."]
