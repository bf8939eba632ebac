"""A live stream's time: a device's samples, counted with those that were lost, on a clock that never goes back."""

import math

import numpy as np
from numpy.typing import NDArray

from monitor.flow import SAMPLE_RATE, AudioBlock
from stser_core.audio import Resampler

_SETTLING_S = 3.0
_LARGEST_DRIFT = 1e-3
_KEEP_ALIVE = SAMPLE_RATE // 50


class StreamClock:
    """Makes blocks at 16 kHz of a device's pieces. What was lost is a gap between two blocks.

    While a device is open, its thread places; while none is, whoever waits for it keeps the stream alive.

    A device only says that it lost samples, not how many. Pieces arrive as the sound goes by, each a little late. How
    far arrival and sample count are apart when nothing is late is learnt from the earliest arrivals; by how much more
    they are apart after a loss is the loss. An estimate that was too high or too low is made good by the next one, so
    that errors do not add up. The device's clock and the system's may differ by some parts in a million.
    """

    def __init__(self, rate: int, channels: int) -> None:
        """Begin at sample 0 with a device of this rate."""
        self._channels = channels
        self._anchor_s: float | None = None
        self._anchor = 0
        self._next = 0
        self.begin(rate)

    def begin(self, rate: int) -> None:
        """Continue with a device that was opened again and counts its samples from 0."""
        self._rate = rate
        self._counted = self._position = 0  # of the device's samples: those that came, and the index after the last
        self._offset = math.inf  # seconds from a sample's time by its index to its earliest arrival
        self._estimated = False
        self._resampler = Resampler(rate, self._channels)
        self._origin: int | None = None

    def place(self, samples: NDArray[np.float32], arrived_s: float, overflowed: bool) -> AudioBlock | None:
        """The block that a piece makes; `None` where the resampler holds all of it back.

        Args:
            samples: float32 [channels, n] at the device's rate.
            arrived_s: When the last of them arrived, on the system's clock.
            overflowed: Whether the device lost samples before them.
        """
        length = samples.shape[1]
        expected = start = self._position
        if overflowed and self._counted:
            self._estimated = True
            late_s = arrived_s - (expected + length) / self._rate - self._offset
            start += max(0, round(late_s * self._rate))
        self._position = start + length
        self._counted += length
        self._learn(arrived_s - self._position / self._rate, length / self._rate)
        if self._origin is None:
            self._origin = self._next = self._at(arrived_s - length / self._rate)
        elif start > expected:
            self._resampler = Resampler(self._rate, self._channels)
            self._next = max(self._next, self._origin + round(start * SAMPLE_RATE / self._rate))
        resampled = self._resampler.feed(samples)
        block = self._block(self._next, resampled) if resampled.shape[1] else None
        self._anchor_s, self._anchor = arrived_s, self._next
        return block

    def keep_alive(self, now_s: float) -> AudioBlock | None:
        """20 ms of silence that end now, so that time goes on without a device; `None` where less has passed."""
        start = self._at(now_s) - _KEEP_ALIVE
        if start < self._next:
            return None
        return self._block(start, np.zeros((self._channels, _KEEP_ALIVE), dtype=np.float32))

    def _learn(self, offset: float, length_s: float) -> None:
        drift = _LARGEST_DRIFT * length_s
        # After an estimate that was too high, arrivals only seem to be earlier.
        settling = self._counted < _SETTLING_S * self._rate and not self._estimated
        lowest = -math.inf if settling else self._offset - drift
        self._offset = min(self._offset + drift, max(offset, lowest))

    def _block(self, start: int, samples: NDArray[np.float32]) -> AudioBlock:
        finite = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
        block = AudioBlock(start, np.clip(finite, -1.0, 1.0))
        self._next = block.end
        return block

    def _at(self, now_s: float) -> int:
        """Index of the sample at a time of the system's clock."""
        if self._anchor_s is None:
            return self._next
        return max(self._next, self._anchor + round((now_s - self._anchor_s) * SAMPLE_RATE))
