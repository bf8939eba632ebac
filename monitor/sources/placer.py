"""Pieces of a device's sound, placed on the stream's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from monitor.flow import SAMPLE_RATE, AudioBlock
from monitor.sources.resampling import Resampling
from monitor.sources.sample_clock import SampleClock

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from monitor.sources.intake import Piece

_BEAT = SAMPLE_RATE // 50


class Placer:
    """Makes blocks of pieces. What was lost leaves a gap between two blocks and is counted in the second.

    Attributes:
        end: Index of the sample after the last block.
    """

    def __init__(self, rate: int, channels: int) -> None:
        """Begin at sample 0 with a device of this rate."""
        self._channels = channels
        self._anchor_s: float | None = None
        self._anchor = 0
        self.end = 0
        self.begin(rate)

    def begin(self, rate: int) -> None:
        """What comes now is from a device that was opened anew and counts its samples from 0 again."""
        self._rate = rate
        self._clock = SampleClock(rate)
        self._resampling = Resampling(rate, self._channels)
        self._origin: int | None = None
        self._next = self.end

    def place(self, piece: Piece) -> AudioBlock | None:
        """The block that a piece makes; `None` where the resampler holds all of it back."""
        length = piece.samples.shape[1]
        expected = self._clock.position
        start = self._clock.hear(length, piece.arrived_s, dropped=piece.dropped, overflowed=piece.overflowed)
        if self._origin is None:
            self._origin = self._at(piece.arrived_s - length / self._rate)
            self._next = self._origin
        elif start > expected:
            self._resampling = Resampling(self._rate, self._channels)
            self._next = max(self.end, self._origin + round(start * SAMPLE_RATE / self._rate))
        samples = self._resampling.feed(piece.samples)
        block = self._block(self._next, samples) if samples.shape[1] else None
        self._anchor_s, self._anchor = piece.arrived_s, self.end
        return block

    def beat(self, now_s: float) -> AudioBlock | None:
        """While there is no device: 20 ms of silence that end now, so that the stream's time goes on.

        Returns:
            `None` where less than 20 ms have passed.
        """
        start = self._at(now_s) - _BEAT
        if start < self.end:
            return None
        return self._block(start, np.zeros((self._channels, _BEAT), dtype=np.float32))

    def _block(self, start: int, samples: NDArray[np.float32]) -> AudioBlock:
        if not np.isfinite(samples).all():
            samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
        block = AudioBlock(start, np.clip(samples, -1.0, 1.0), dropped=start - self.end)
        self.end = self._next = block.end
        return block

    def _at(self, now_s: float) -> int:
        """Index of the sample at a time of the system's clock."""
        if self._anchor_s is None:
            return self.end
        return max(self.end, self._anchor + round((now_s - self._anchor_s) * SAMPLE_RATE))
