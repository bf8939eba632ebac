"""Several live sessions in one file, laid out on one axis by the time of day.

Each session counts its seconds from its own start. `started_at` tells when that was, so that the turns of a later
session can follow those of the first at the distance that they had.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from monitor.flow import Word
from monitor.timeline.notes import Note
from monitor.timeline.turn import SALIENT_COLUMNS, STARTED_AT, Turn

_JUMP_S = 1.0
"""From turn to turn of one session, the time of day gains less than this on the stream's, unless the system slept.
Turns come in the order of their ends, so one that ends earlier begins another session."""


def on_one_axis(turns: Sequence[Turn], notes: Sequence[Note]) -> tuple[tuple[Turn, ...], tuple[Note, ...], int]:
    """Lay out sessions on the axis of the first; turns without a time of day stay as they are.

    Returns:
        The turns, the notes, and how many sessions there are.
    """
    sessions: list[tuple[float, float]] = []  # the time of day at which each began, and by how much it is moved
    moved: list[Turn] = []
    before = newest_s = end_s = 0.0
    for turn in turns:
        began = _began(turn.extra.get(STARTED_AT), turn.start_s)
        if began is not None:
            if not sessions:
                sessions.append((began, 0.0))
            elif turn.end_s < newest_s or began - before > _JUMP_S:
                # Where the system's clock was set back, sessions follow each other all the same.
                sessions.append((began, max(began - sessions[0][0], end_s - turn.start_s)))
            before, newest_s = began, turn.end_s
        moved.append(_moved(turn, sessions[-1][1] if sessions else 0.0))
        end_s = max(end_s, moved[-1].end_s)
    return tuple(moved), tuple(_moved_note(note, sessions) for note in notes), len(sessions)


def _began(clock: object, time_s: float) -> float | None:
    """When a session began, in seconds since 1970, by the time of day of one of its moments."""
    try:
        return datetime.fromisoformat(clock).timestamp() - time_s if isinstance(clock, str) else None
    except (ValueError, OverflowError, OSError):
        return None


def _moved_note(note: Note, sessions: Sequence[tuple[float, float]]) -> Note:
    began = _began(note.at, note.time_s)
    if len(sessions) < 2 or began is None:
        return note
    _, shift = min(sessions, key=lambda session: abs(session[0] - began))
    return replace(note, time_s=round(note.time_s + shift, 3))


def _moved(turn: Turn, shift: float) -> Turn:
    if shift == 0:
        return turn

    def later(value: float) -> float:
        return round(value + shift, 3)

    spans = {name: later(value) for name in SALIENT_COLUMNS if isinstance(value := turn.extra.get(name), float)}
    words = None
    if turn.words is not None:
        words = tuple(Word(word.text, later(word.start_s), later(word.end_s), word.confidence) for word in turn.words)
    start_s, end_s = later(turn.start_s), later(turn.end_s)
    return replace(turn, start_s=start_s, end_s=end_s, words=words, extra={**turn.extra, **spans})
