"""What has been heard so far: turns, and the plain figures that follow from them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from monitor.flow import Turn
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


def speaker_figures(turns: Iterable[Turn]) -> tuple[SpeakerFigures, ...]:
    """Count, talk time and emotions of each speaker, in the order of the channels.

    Args:
        turns: Any turns of one recording, in any order.

    Returns:
        One entry for each channel and speaker that has a turn.
    """
    by_speaker: dict[tuple[int, str], list[Turn]] = {}
    for turn in turns:
        by_speaker.setdefault((turn.channel, turn.speaker), []).append(turn)
    return tuple(_figures(*speaker, by_speaker[speaker]) for speaker in sorted(by_speaker))


def _figures(channel: int, speaker: str, turns: list[Turn]) -> SpeakerFigures:
    seconds = [0.0] * len(LABELS)
    for turn in turns:
        if turn.scores is not None:
            seconds[index(turn.scores.emotion)] += turn.end_s - turn.start_s
    scored_s = sum(seconds)
    return SpeakerFigures(
        channel=channel,
        speaker=speaker,
        turns=len(turns),
        talk_s=sum(turn.end_s - turn.start_s for turn in turns),
        scored_s=scored_s,
        shares=tuple(second / scored_s for second in seconds) if scored_s > 0 else None,
    )
