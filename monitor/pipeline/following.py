"""Follows an utterance while it is being spoken: its words so far, and its sound for provisional estimates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.flow import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from monitor.transcribers import Listening

_WORDS_EVERY = SAMPLE_RATE // 5
_ESTIMATE_EVERY = SAMPLE_RATE


@dataclass(frozen=True, eq=False)
class Provisional:
    """What has been heard of an utterance that goes on.

    Attributes:
        channel: Counts from 1.
        start_s: Where the utterance starts, in seconds from the start of the recording.
        samples: float32 [n] in −1…1, 16 kHz: all of it so far.
        words: What the recogniser has understood so far.
    """

    channel: int
    start_s: float
    samples: NDArray[np.float32]
    words: str


class Following:
    """Follows one channel, in the thread that listens to it.

    Attributes:
        words: The start of the utterance that was heard last, in seconds, and its words so far. Written by the
            listening thread only, as a whole; any thread may read it.
    """

    def __init__(self, channel: int, offer: Callable[[Provisional], object]) -> None:
        """Follow a channel.

        Args:
            channel: Counts from 1.
            offer: Takes what has been heard, after every second of speech; it must not wait.
        """
        self.words: tuple[float, str] = (0.0, "")
        self._channel = channel
        self._offer = offer
        self.begin(0.0)

    def begin(self, start_s: float) -> None:
        """An utterance starts."""
        self.words = (start_s, "")
        self._start_s = start_s
        self._pieces: list[NDArray[np.float32]] = []
        self._heard = 0
        self._words_at = _WORDS_EVERY
        self._estimate_at = _ESTIMATE_EVERY

    def hear(self, samples: NDArray[np.float32], listening: Listening) -> None:
        """The utterance goes on; `listening` has heard this piece already."""
        self._pieces.append(samples)
        self._heard += samples.size
        if self._heard >= self._words_at:
            self._words_at = self._heard + _WORDS_EVERY
            self.words = (self._start_s, listening.partial())
        if self._heard >= self._estimate_at:
            self._estimate_at = self._heard + _ESTIMATE_EVERY
            self._pieces = [np.concatenate(self._pieces)]
            self._offer(Provisional(self._channel, self._start_s, self._pieces[0], self.words[1]))

    def end(self) -> None:
        """The utterance has ended: its sound is no longer needed."""
        self._pieces.clear()
