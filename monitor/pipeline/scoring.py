"""The scorer's thread: finished utterances to turns, and between them provisional estimates."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from monitor.conveyor import Conveyor
from monitor.pipeline.following import Provisional

if TYPE_CHECKING:
    from monitor.flow import Turn, Utterance
    from monitor.pipeline.listening import Outcome
    from monitor.pipeline.turns import Heard, TurnMaker
    from stser_core.scores import EmotionScores

_LARGEST_BATCH = 16


class Waiting(NamedTuple):
    """An utterance whose transcript is on its way.

    Attributes:
        utterance: What was heard.
        outcome: Its transcript to come.
        sounded: When its last sound was captured, in seconds of `time.monotonic`; `None` where no pause ended it.
        ended: When its end was decided.
    """

    utterance: Utterance
    outcome: Outcome
    sounded: float | None
    ended: float


class Scored(NamedTuple):
    """A turn, and when it passed each point on its way (`Stamps`), in seconds of `time.monotonic`."""

    turn: Turn
    sounded: float | None
    ended: float
    taken: float
    transcribed: float
    scored: float


class _Taken(NamedTuple):
    waiting: Waiting
    at: float


@dataclass(frozen=True)
class Estimate:
    """What a provisional estimate came to, for the utterance that starts at `start_s`."""

    start_s: float
    scores: EmotionScores | None


class Scoring:
    """Takes what is to be scored, finished utterances first.

    `submit` and `close` belong to the segmenter's thread, `offer` to any, `work` and `leave` to the scorer's.
    """

    def __init__(self, turn_maker: TurnMaker, channels: int, capacity: int) -> None:
        self._turn_maker = turn_maker
        self._tasks: Conveyor[Waiting | Provisional] = Conveyor(capacity)
        self._estimates: tuple[Estimate | None, ...] = (None,) * channels

    def __len__(self) -> int:
        """How many utterances wait."""
        return len(self._tasks)

    @property
    def cancelled(self) -> bool:
        """Whether nothing is scored any more."""
        return self._tasks.cancelled

    @property
    def estimates(self) -> tuple[Estimate | None, ...]:
        """The last provisional estimate of each channel."""
        return self._estimates

    def submit(self, waiting: Waiting) -> bool:
        """Have an utterance scored, waiting for room; false when nothing is scored any more."""
        return self._tasks.put(waiting)

    def offer(self, provisional: Provisional) -> bool:
        """Have an estimate made if there is nothing else to do right now; never waits."""
        return self._turn_maker.scores_channel(provisional.channel) and self._tasks.offer(provisional)

    def close(self) -> None:
        """There is no more to come."""
        self._tasks.close()

    def leave(self) -> None:
        """Take no more."""
        self._tasks.cancel()

    def work(self, deliver: Callable[[Scored], bool]) -> None:
        """Work until there is no more to come, or `deliver` refuses a turn."""
        while (task := self._tasks.take()) is not None:
            if isinstance(task, Provisional):
                self._estimate(task)
            elif not all(map(deliver, self._scored(task))):
                return

    def _estimate(self, provisional: Provisional) -> None:
        if len(self._tasks) > 0:
            return
        scores = self._turn_maker.estimate(provisional)
        place = provisional.channel - 1
        before = self._estimates
        self._estimates = (*before[:place], Estimate(provisional.start_s, scores), *before[place + 1 :])

    def _scored(self, first: Waiting) -> list[Scored]:
        batch = self._batch(first)
        transcribed = time.monotonic()
        heard = [(taken, one) for taken in batch if (one := _heard(taken.waiting)) is not None]
        turns = self._turn_maker.make([one for _, one in heard])
        scored = time.monotonic()
        return [
            Scored(turn, taken.waiting.sounded, taken.waiting.ended, taken.at, transcribed, scored)
            for turn, (taken, _) in zip(turns, heard, strict=True)
        ]

    def _batch(self, first: Waiting) -> list[_Taken]:
        """The next utterance, and those after it whose transcripts are already there."""
        batch = [_Taken(first, time.monotonic())]
        first.outcome.exception()  # waits
        while len(batch) < _LARGEST_BATCH:
            further = self._tasks.take_if(lambda task: isinstance(task, Waiting) and task.outcome.done())
            if not isinstance(further, Waiting):
                break
            batch.append(_Taken(further, time.monotonic()))
        return batch


def _heard(waiting: Waiting) -> Heard | None:
    """The utterance with its transcript, or `None` where its listener has failed."""
    if waiting.outcome.exception() is not None:
        return None
    return waiting.utterance, waiting.outcome.result()
