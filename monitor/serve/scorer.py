"""One emotion model for all lines: finished turns first, estimates only in its idle time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.pipeline.scoring import Scorer
    from stser_core.scores import EmotionScores, SpeechInput

_REST = 3.0
"""After an estimate none is made for so many times as long as it took: all together take a quarter of a processor."""


class SharedScorer:
    """Scores the turns of all lines, `at_once` of them at the same time."""

    def __init__(self, scorer: Scorer, at_once: int) -> None:
        self.name = scorer.name
        self._scorer = scorer
        self._free = BoundedSemaphore(at_once)
        self._resting_until = 0.0
        # Each thread that runs the model keeps memory of its own for it: so few threads do that for all lines.
        self._pool = ThreadPoolExecutor(at_once, "scorer")

    def score(self, inputs: Sequence[SpeechInput]) -> list[EmotionScores | None]:
        """Score finished turns."""
        with self._free:
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
