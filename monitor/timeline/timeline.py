"""The turns so far, all of them or, of an endless timeline, the last ones; and the figures of each speaker."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from typing import TypeAlias

from monitor.timeline.notes import Alert, Mark, Note
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS, index

_Speaker: TypeAlias = tuple[int, str]
_NOTES = 100
"""Marks, and alerts, that are kept."""


@dataclass(frozen=True)
class SpeakerFigures:
    """One speaker of a timeline, in figures.

    Attributes:
        channel: Counts from 1.
        speaker: The channel's role.
        turns: How many turns.
        talk_s: Seconds of speech: the sum of the turns' lengths.
        scored_s: The part of `talk_s` whose emotion was scored.
        shares: Share of each emotion, by its talk time, in the order of `LABELS` (sums to 1), or `None`
            where nothing was scored.
    """

    channel: int
    speaker: str
    turns: int
    talk_s: float
    scored_s: float
    shares: tuple[float, ...] | None


@dataclass(frozen=True)
class TimelineSnapshot:
    """A snapshot."""

    turns: tuple[Turn, ...] = ()
    figures: tuple[SpeakerFigures, ...] = ()
    marks: tuple[Mark, ...] = ()
    alerts: tuple[Alert, ...] = ()


class Timeline:
    """Collects turns and notes from one thread for others to read."""

    def __init__(self, keep: int | None = None) -> None:
        """Keep so many turns, the last ones, so that memory does not grow; `None` for all."""
        self._lock = threading.Lock()
        self._turns: deque[Turn] = deque(maxlen=keep)
        self._marks: deque[Mark] = deque(maxlen=_NOTES)
        self._alerts: deque[Alert] = deque(maxlen=_NOTES)
        self._counts: Counter[_Speaker] = Counter()
        self._talk_s: defaultdict[_Speaker, float] = defaultdict(float)
        self._seconds: defaultdict[_Speaker, list[float]] = defaultdict(lambda: [0.0] * len(LABELS))
        self._snapshot: TimelineSnapshot | None = TimelineSnapshot()

    def add(self, turn: Turn) -> None:
        """Append a turn; safe to call from any thread."""
        with self._lock:
            self._turns.append(turn)
            self._count(turn)
            self._snapshot = None

    def add_note(self, note: Note) -> None:
        """Append a note; safe to call from any thread."""
        with self._lock:
            if isinstance(note, Mark):
                self._marks.append(note)
            else:
                self._alerts.append(note)
            self._snapshot = None

    def snapshot(self) -> TimelineSnapshot:
        """The present state, as a value that never changes."""
        with self._lock:
            if self._snapshot is None:
                self._snapshot = TimelineSnapshot(
                    tuple(self._turns), self._figures(), tuple(self._marks), tuple(self._alerts)
                )
            return self._snapshot

    def _count(self, turn: Turn) -> None:
        speaker, length_s = (turn.channel, turn.speaker), turn.end_s - turn.start_s
        self._counts[speaker] += 1
        self._talk_s[speaker] += length_s
        if turn.emotion is not None:
            self._seconds[speaker][index(turn.emotion)] += length_s

    def _figures(self) -> tuple[SpeakerFigures, ...]:
        """One entry for each channel and speaker that has a turn, in the order of the channels."""
        found = []
        for speaker in sorted(self._counts):
            seconds = self._seconds[speaker]
            scored_s = sum(seconds)
            shares = tuple(second / scored_s for second in seconds) if scored_s > 0 else None
            found.append(SpeakerFigures(*speaker, self._counts[speaker], self._talk_s[speaker], scored_s, shares))
        return tuple(found)
