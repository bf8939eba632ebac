"""The turns so far, all of them or, of an endless timeline, the last ones; and the totals of each speaker."""

import threading
from collections import deque
from dataclasses import dataclass, replace

from monitor.timeline.notes import Alert, Mark, Note
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS

_NOTES = 100
"""Marks, and alerts, that are kept."""


@dataclass(frozen=True)
class SpeakerTotals:
    """Turns and talk time of one speaker."""

    channel: int  # counts from 1
    speaker: str  # the channel's role
    turns: int = 0  # how many turns
    talk_s: float = 0.0  # seconds of speech: the sum of the turns' lengths
    # Those of each emotion, in the order of `LABELS`; speech that was not scored is in none.
    seconds: tuple[float, ...] = (0.0,) * len(LABELS)

    @property
    def proportions(self) -> tuple[float, ...] | None:
        """Proportion of each emotion, by its talk time (sums to 1), or `None` where nothing was scored."""
        scored_s = sum(self.seconds)
        return tuple(second / scored_s for second in self.seconds) if scored_s > 0 else None

    def with_turn(self, turn: Turn) -> "SpeakerTotals":
        """The totals with one more turn."""
        length_s = turn.end_s - turn.start_s
        seconds = (
            before + (length_s if label == turn.emotion else 0.0)
            for label, before in zip(LABELS, self.seconds, strict=True)
        )
        return replace(self, turns=self.turns + 1, talk_s=self.talk_s + length_s, seconds=tuple(seconds))


@dataclass(frozen=True)
class TimelineSnapshot:
    """The state of a timeline; the totals are in the order of channels and speakers."""

    turns: tuple[Turn, ...] = ()
    totals: tuple[SpeakerTotals, ...] = ()
    marks: tuple[Mark, ...] = ()
    alerts: tuple[Alert, ...] = ()


class Timeline:
    """Collects turns and notes from any thread for others to read."""

    def __init__(self, keep: int | None = None) -> None:
        """Keep so many turns, the last ones, so that memory does not grow; `None` for all."""
        self._lock = threading.Lock()
        self._turns: deque[Turn] = deque(maxlen=keep)
        self._marks: deque[Mark] = deque(maxlen=_NOTES)
        self._alerts: deque[Alert] = deque(maxlen=_NOTES)
        self._totals: dict[tuple[int, str], SpeakerTotals] = {}

    def add(self, turn: Turn) -> None:
        """Append a turn, which counts in the totals unless it is music."""
        speaker = turn.channel, turn.speaker
        with self._lock:
            self._turns.append(turn)
            if not turn.is_music:
                self._totals[speaker] = self._totals.get(speaker, SpeakerTotals(*speaker)).with_turn(turn)

    def add_note(self, note: Note) -> None:
        """Append a note."""
        with self._lock:
            if isinstance(note, Mark):
                self._marks.append(note)
            else:
                self._alerts.append(note)

    def snapshot(self) -> TimelineSnapshot:
        """The present state, as a value that never changes."""
        with self._lock:
            totals = tuple(self._totals[speaker] for speaker in sorted(self._totals))
            return TimelineSnapshot(tuple(self._turns), totals, tuple(self._marks), tuple(self._alerts))
