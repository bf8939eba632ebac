"""Metrics at the end, and plain lines without a terminal: a log file, a pipe, a service's journal."""

from collections.abc import Iterable, Sequence

from rich.text import Text

from monitor.counted import counted
from monitor.display.palette import BOLD, LETTERS, PLAIN, QUIET, SPEAKER_WIDTH, block, clock, name, printable
from monitor.timeline.notes import Alert
from monitor.timeline.timeline import SpeakerTotals
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS

_SHORTEST_BAR = 8
_LONGEST_BAR = 40
_LONGEST_WORDS = len("neutral 99%, happy 99%, angry 99%, sad 99%")


def summary(totals: Sequence[SpeakerTotals], width: int) -> list[Text]:
    """One line for each speaker under a heading; a single sentence where nobody spoke."""
    if not totals:
        return [Text("No speech was found.")]
    columns = f"{'turns':>6}  {'talk':>7}  emotions by talk time"
    return [Text(f"{'speaker'.ljust(SPEAKER_WIDTH)} {columns}", QUIET), *(_line(speaker, width) for speaker in totals)]


def shares(totals: SpeakerTotals) -> str:
    """The emotions of a speaker in words, the largest first: `neutral 61%, angry 39%`."""
    if totals.shares is None:
        return "not scored"
    ranked = sorted(zip(totals.shares, LABELS, strict=True), key=lambda pair: -pair[0])
    return ", ".join(f"{label} {share:.0%}" for share, label in ranked if share > 0)


def _line(totals: SpeakerTotals, width: int) -> Text:
    text = Text(name(totals.speaker), BOLD)
    text.append(f" {totals.turns:6d}  {clock(totals.talk_s):>7}  ", PLAIN)
    if totals.shares is not None:
        # Room for the longest wording, so that the bars of all speakers are of one length.
        room = min(_LONGEST_BAR, width - text.cell_len - _LONGEST_WORDS - 2)
        if room >= _SHORTEST_BAR:
            text.append_text(_stacked(totals.shares, room)).append("  ")
    return text.append(shares(totals), PLAIN if totals.shares else QUIET)


def _stacked(shares_of: Sequence[float], width: int) -> Text:
    """All proportions side by side in one bar; the ends are rounded, so that the bar is always full."""
    text = Text()
    total = 0.0
    for label, share in zip(LABELS, shares_of, strict=True):
        total += share
        cells = round(total * width) - text.cell_len
        if cells > 0:
            text.append(LETTERS[label].ljust(cells), block(label))
    return text


def line(turn: Turn) -> str:
    """A turn in one line: `0:12-0:15 customer angry 0.82 "where is my car"`."""
    verdict = "not scored" if turn.emotion is None else f"{turn.emotion} {turn.confidence:.2f}"
    said = f' "{printable(turn.transcript)}"' if turn.transcript else ""
    return f"{clock(turn.start_s)}-{clock(turn.end_s)} {printable(turn.speaker)} {verdict}{said}"


def alert_line(alert: Alert) -> str:
    """An alert in one line: `0:15 alert: customer angry 0.82 (angry>0.7 for 2 turns)`."""
    probability = f"{alert.emotion} {alert.probability:.2f}"
    return f"{clock(alert.time_s)} alert: {printable(alert.speaker)} {probability} ({printable(alert.rule)})"


def summary_lines(totals: Iterable[SpeakerTotals]) -> list[str]:
    """A sentence for each speaker, or one that says that nobody spoke."""
    lines = [
        f"{printable(speaker.speaker)}: {counted(speaker.turns, 'turn')}, "
        f"talk time {clock(speaker.talk_s)}, {shares(speaker)}."
        for speaker in totals
    ]
    return lines or ["No speech was found."]
