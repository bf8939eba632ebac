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
    """Scores the turns of all lines, so many at once, in the threads of the lines.

    Attributes:
        name: The checkpoint's name.
        estimates: The same for estimates: without an answer where there is no time for one.
    """

    def __init__(self, scorer: Scorer, at_once: int) -> None:
        """Share a model.

        Args:
            scorer: Called by several threads.
            at_once: Number of processors.
        """
        self.name = scorer.name
        self.estimates = _Estimates(self)
        self._scorer = scorer
        self._free = BoundedSemaphore(at_once)
        # Each thread that runs the model keeps memory of its own for it: so few threads do that for all lines.
        self._pool = ThreadPoolExecutor(at_once, "scorer")

    def score(self, inputs: Sequence[SpeechInput]) -> list[EmotionScores | None]:
        """Score finished turns."""
        with self._free:
            return self._pool.submit(self._scorer.score, inputs).result()

    def score_if_idle(self, inputs: Sequence[SpeechInput]) -> list[EmotionScores | None] | None:
        """Score if a processor is free right now."""
        if not self._free.acquire(blocking=False):
            return None
        try:
            return self._pool.submit(self._scorer.score, inputs).result()
        finally:
            self._free.release()


class _Estimates:
    def __init__(self, shared: SharedScorer) -> None:
        self.name = shared.name
        self._shared = shared
        self._resting_until = 0.0

    def score(self, inputs: Sequence[SpeechInput]) -> list[EmotionScores | None]:
        """Score, or give `None` for each."""
        started = time.monotonic()
        nothing: list[EmotionScores | None] = [None] * len(inputs)
        if started < self._resting_until:
            return nothing
        self._resting_until = started + 1.0  # until it is known how long this one takes
        scores = self._shared.score_if_idle(inputs)
        ended = time.monotonic()
        self._resting_until = ended + (_REST * (ended - started) if scores is not None else 0.0)
        return scores or nothing
