"""The part of an endless timeline that a screen shows: the last turns and notes, and figures of all."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from monitor.timeline.notes import Alert, Mark, Note
from monitor.timeline.timeline import SpeakerFigures, Tally
from monitor.timeline.turn import Turn

_TURNS = 400
_NOTES = 100


@dataclass(frozen=True)
class Heard:
    """A snapshot.

    Attributes:
        turns: The last turns, in order.
        figures: The figures of each speaker, from the beginning.
        marks: The last marks, in order.
        alerts: The last alerts, in order.
    """

    turns: tuple[Turn, ...] = ()
    figures: tuple[SpeakerFigures, ...] = ()
    marks: tuple[Mark, ...] = ()
    alerts: tuple[Alert, ...] = ()


class Recent:
    """Collects turns and notes from one thread for others to read, in memory that does not grow."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: deque[Turn] = deque(maxlen=_TURNS)
        self._marks: deque[Mark] = deque(maxlen=_NOTES)
        self._alerts: deque[Alert] = deque(maxlen=_NOTES)
        self._tally = Tally()
        self._snapshot: Heard | None = Heard()

    def add(self, turn: Turn) -> None:
        """Append a turn; safe to call from any thread."""
        with self._lock:
            self._turns.append(turn)
            self._tally.add(turn)
            self._snapshot = None

    def add_note(self, note: Note) -> None:
        """Append a note; safe to call from any thread."""
        with self._lock:
            if isinstance(note, Mark):
                self._marks.append(note)
            else:
                self._alerts.append(note)
            self._snapshot = None

    def snapshot(self) -> Heard:
        """What there is, as a value that never changes."""
        with self._lock:
            if self._snapshot is None:
                self._snapshot = Heard(
                    tuple(self._turns), self._tally.figures(), tuple(self._marks), tuple(self._alerts)
                )
            return self._snapshot
