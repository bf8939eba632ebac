"""The turns so far, all of them or, of an endless timeline, the last ones; and the figures of each speaker."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from monitor.timeline.notes import Alert, Mark, Note
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS, index


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

    @property
    def main_emotion(self) -> str | None:
        """The emotion with the most talk time, or `None` where nothing was scored."""
        if self.shares is None:
            return None
        return LABELS[max(range(len(LABELS)), key=self.shares.__getitem__)]


class Timeline:
    """Collects turns from one thread for others to read.

    A reader takes a `snapshot`, a tuple that never changes, so that nobody shares mutable state with the
    thread that adds.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: list[Turn] = []
        self._snapshot: tuple[Turn, ...] = ()

    def add(self, turn: Turn) -> None:
        """Append a turn; safe to call from any thread."""
        with self._lock:
            self._turns.append(turn)

    def snapshot(self) -> tuple[Turn, ...]:
        """All turns so far, in the order in which they were added."""
        with self._lock:
            if len(self._snapshot) != len(self._turns):
                self._snapshot = tuple(self._turns)
            return self._snapshot


class Tally:
    """Adds up the figures of each speaker, turn by turn, without keeping the turns."""

    def __init__(self) -> None:
        self._speakers: dict[tuple[int, str], _Sums] = {}

    def add(self, turn: Turn) -> None:
        """Count a turn in."""
        self._speakers.setdefault((turn.channel, turn.speaker), _Sums()).add(turn)

    def figures(self) -> tuple[SpeakerFigures, ...]:
        """One entry for each channel and speaker that has a turn, in the order of the channels."""
        return tuple(self._speakers[speaker].figures(*speaker) for speaker in sorted(self._speakers))


def speaker_figures(turns: Iterable[Turn]) -> tuple[SpeakerFigures, ...]:
    """Count, talk time and emotions of each speaker, in the order of the channels.

    Args:
        turns: Any turns of one recording, in any order.

    Returns:
        One entry for each channel and speaker that has a turn.
    """
    tally = Tally()
    for turn in turns:
        tally.add(turn)
    return tally.figures()


class _Sums:
    def __init__(self) -> None:
        self._turns = 0
        self._talk_s = 0.0
        self._seconds = [0.0] * len(LABELS)

    def add(self, turn: Turn) -> None:
        length_s = turn.end_s - turn.start_s
        self._turns += 1
        self._talk_s += length_s
        if turn.emotion is not None:
            self._seconds[index(turn.emotion)] += length_s

    def figures(self, channel: int, speaker: str) -> SpeakerFigures:
        scored_s = sum(self._seconds)
        return SpeakerFigures(
            channel=channel,
            speaker=speaker,
            turns=self._turns,
            talk_s=self._talk_s,
            scored_s=scored_s,
            shares=tuple(second / scored_s for second in self._seconds) if scored_s > 0 else None,
        )


_TURNS = 400
_NOTES = 100


@dataclass(frozen=True)
class TimelineSnapshot:
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
        self._snapshot: TimelineSnapshot | None = TimelineSnapshot()

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

    def snapshot(self) -> TimelineSnapshot:
        """The present state, as a value that never changes."""
        with self._lock:
            if self._snapshot is None:
                self._snapshot = TimelineSnapshot(
                    tuple(self._turns), self._tally.figures(), tuple(self._marks), tuple(self._alerts)
                )
            return self._snapshot
