"""The models that all lines share, and which line's work the processors do first."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import BoundedSemaphore, Condition
from typing import TYPE_CHECKING

from monitor.transcribers.vosk import VoskTranscriber

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from monitor.flow import Transcript
    from monitor.pipeline.scoring import Scorer
    from monitor.transcribers import Transcriber, TranscriptionStream
    from stser_core.scores import EmotionScores, SpeechInput

_REST = 3.0
"""After an estimate none is made for so many times as long as it took: all together take a quarter of a processor."""


class Processors:
    """Lets the work on a finished turn begin at once, and that on speech which goes on only on a free processor.

    So a turn need not share the processors with the speech of all other lines, which has time: it only has to keep up.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._working = 0
        self._changed = Condition()

    @contextmanager
    def taken(self, *, urgent: bool) -> Iterator[None]:
        """Work now where it is urgent; else when a processor is free, in the order of arrival."""
        with self._changed:
            self._changed.wait_for(lambda: urgent or self._working < self._count)
            self._working += 1
        try:
            yield
        finally:
            with self._changed:
                self._working -= 1
                if self._working < self._count:
                    self._changed.notify()


class SharedScorer:
    """Scores the turns of all lines, `at_once` of them at the same time."""

    def __init__(self, scorer: Scorer, at_once: int, processors: Processors) -> None:
        self.name = scorer.name
        self._scorer = scorer
        self._processors = processors
        self._free = BoundedSemaphore(at_once)
        self._resting_until = 0.0
        # Each thread that runs the model keeps memory of its own for it: so few threads do that for all lines.
        self._pool = ThreadPoolExecutor(at_once, "scorer")

    def score(self, inputs: Sequence[SpeechInput]) -> list[EmotionScores | None]:
        """Score finished turns."""
        with self._free, self._processors.taken(urgent=True):
            return self._pool.submit(self._scorer.score, inputs).result()

    def estimate(self, inputs: Sequence[SpeechInput]) -> list[EmotionScores | None]:
        """Score if a processor is free right now and there was a rest since the last time; else `None` for each."""
        began = time.monotonic()
        if began < self._resting_until or not self._free.acquire(blocking=False):
            return [None] * len(inputs)
        self._resting_until = began + 1.0  # until it is known how long this one takes
        try:
            return self._pool.submit(self._scorer.score, inputs).result()
        finally:
            self._free.release()
            ended = time.monotonic()
            self._resting_until = ended + _REST * (ended - began)


class SharedTranscriber:
    """Transcribes all lines: the last words of a finished turn come first."""

    def __init__(self, transcriber: Transcriber, processors: Processors) -> None:
        if isinstance(transcriber, VoskTranscriber):
            transcriber.share_decoders()
        self.name = transcriber.name
        self._transcriber = transcriber
        self._processors = processors

    def listen(self, start_s: float) -> _SharedStream:
        """Begin an utterance."""
        return _SharedStream(self._transcriber.listen(start_s), self._processors)


class _SharedStream:
    def __init__(self, stream: TranscriptionStream, processors: Processors) -> None:
        self._stream = stream
        self._processors = processors

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Take the next piece."""
        with self._processors.taken(urgent=False):
            self._stream.feed(samples)

    def partial(self) -> str:
        """Return the words so far."""
        with self._processors.taken(urgent=False):
            return self._stream.partial()

    def finish(self) -> Transcript | None:
        """End the utterance, and return its words."""
        with self._processors.taken(urgent=True):
            return self._stream.finish()
