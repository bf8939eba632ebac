"""A device's own clock: its samples, counted, with those that were lost."""

from __future__ import annotations

import math

_SETTLING_S = 3.0
_LARGEST_DRIFT = 1e-3


class SampleClock:
    """Counts a device's samples, and estimates how many went lost where the device only says that some did.

    The pieces of a stream arrive as the sound goes by, each a little late. How far arrival and sample count are
    apart when nothing is late is learnt from the earliest arrivals; by how much more they are apart after a loss
    is the loss. An estimate that was too high or too low is made good by the next one, so that errors do not add
    up. The device's clock and the system's may differ by some parts in a million.
    """

    def __init__(self, rate: int) -> None:
        """Count from 0, so many samples a second."""
        self._rate = rate
        self._offset = math.inf
        self._heard = 0
        self._estimated = False
        self.position = 0
        """Index of the sample after the last one heard, those that were lost counted in."""

    def hear(self, samples: int, arrived_s: float, *, dropped: int = 0, overflowed: bool = False) -> int:
        """Count a piece.

        Args:
            samples: How many it has.
            arrived_s: When its last sample arrived, in seconds on a clock that never goes back.
            dropped: Samples before it that are known to be lost.
            overflowed: Whether the device lost samples before it, it does not say how many.

        Returns:
            Index of its first sample.
        """
        start = self.position + dropped
        if overflowed and self._heard:
            late_s = arrived_s - (start + samples) / self._rate - self._offset
            start += max(0, round(late_s * self._rate))
            self._estimated = True
        self.position = start + samples
        self._heard += samples
        self._learn(arrived_s - self.position / self._rate, samples / self._rate)
        return start

    def _learn(self, offset: float, length_s: float) -> None:
        drift = _LARGEST_DRIFT * length_s
        # After an estimate that was too high, arrivals only seem to be earlier.
        settling = self._heard < _SETTLING_S * self._rate and not self._estimated
        lowest = -math.inf if settling else self._offset - drift
        self._offset = min(self._offset + drift, max(offset, lowest))
