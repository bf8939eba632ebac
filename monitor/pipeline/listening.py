"""The thread that listens to one channel: it decodes each utterance while it is being spoken."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from monitor.conveyor import Conveyor
from monitor.flow import Transcript
from monitor.transcribers.none import NoTranscriber

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from monitor.pipeline.following import Following
    from monitor.transcribers import Listening, Transcriber

Outcome: TypeAlias = "Future[Transcript | None]"
"""A transcript that is on its way. It always arrives, if need be as the exception `Unheard`."""


class Unheard(Exception):  # noqa: N818
    """The utterance's transcript will not come, since its listener has stopped."""


@dataclass(frozen=True)
class _Begin:
    start_s: float


@dataclass(frozen=True, eq=False)
class _Hear:
    samples: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Finish:
    outcome: Outcome


class ChannelListener:
    """Hands a channel's speech from the segmenter's thread to a transcriber in a thread of its own.

    So the channels are decoded in parallel, and the segmenter waits only when a channel is far behind.
    `begin`, `hear` and `finish` belong to the segmenter's thread, `listen` and `leave` to the listening one.
    """

    def __init__(self, transcriber: Transcriber, capacity: int, following: Following | None = None) -> None:
        """Prepare.

        Args:
            transcriber: What understands.
            capacity: How many tasks may wait.
            following: Told of the utterance while it is spoken, by the listening thread; `None` where nobody
                looks on.
        """
        self._transcriber = transcriber
        self._following = following
        self._needs_sound = following is not None or not isinstance(transcriber, NoTranscriber)
        self._tasks: Conveyor[_Begin | _Hear | _Finish] = Conveyor(capacity)

    def begin(self, start_s: float) -> bool:
        """An utterance starts; false when nobody listens any more."""
        return self._tasks.put(_Begin(start_s))

    def hear(self, samples: NDArray[np.float32]) -> bool:
        """The utterance goes on; false when nobody listens any more."""
        return not self._needs_sound or self._tasks.put(_Hear(samples))

    def finish(self) -> Outcome | None:
        """The utterance has ended: its transcript to come; `None` when nobody listens any more."""
        outcome: Outcome = Future()
        return outcome if self._tasks.put(_Finish(outcome)) else None

    def close(self) -> None:
        """There is no more to come; what was handed over is still listened to."""
        self._tasks.close()

    def listen(self) -> None:
        """Work until there is no more to come."""
        listening: Listening = NoTranscriber().listen(0.0)  # until the first utterance begins
        while (task := self._tasks.take()) is not None:
            match task:
                case _Begin(start_s):
                    listening = self._transcriber.listen(start_s)
                case _Hear(samples):
                    listening.feed(samples)
                case _Finish(outcome):
                    _settle(listening, outcome)
            if self._following is not None:
                _follow(self._following, task, listening)

    def leave(self) -> None:
        """Take no more, and let nobody wait for a transcript that will not come."""
        for task in self._tasks.cancel():
            if isinstance(task, _Finish):
                task.outcome.set_exception(Unheard())


def _follow(following: Following, task: _Begin | _Hear | _Finish, listening: Listening) -> None:
    match task:
        case _Begin(start_s):
            following.begin(start_s)
        case _Hear(samples):
            following.hear(samples, listening)
        case _Finish():
            following.end()


def _settle(listening: Listening, outcome: Outcome) -> None:
    try:
        transcript = listening.finish()
    except BaseException:
        outcome.set_exception(Unheard())
        raise
    outcome.set_result(transcript)
