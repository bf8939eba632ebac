"""Plain lines for where there is no terminal: a log file, a pipe, a service's journal."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.display.palette import clock, printable
from monitor.display.summary import shares
from monitor.timeline.notes import Alert
from monitor.timeline.timeline import SpeakerFigures
from monitor.timeline.turn import Turn


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
