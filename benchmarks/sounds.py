"""Streams made of a sound that is in memory: as long, as many channels and as fast as a measurement needs."""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING

import numpy as np

from monitor.flow import SAMPLE_RATE, AudioBlock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_BLOCK = SAMPLE_RATE // 10


class Looped:
    """A sound over and over, on each channel from another point on.

    A source as the pipeline takes it; `live` ones bring their blocks at the speed of sound and lose what is not taken.
    """

    duration_s: float | None = None

    def __init__(self, sound: NDArray[np.float32], seconds: float, *, channels: int = 1, live: bool = False) -> None:
        """Make a stream of so many seconds from float32 [n] at 16 kHz."""
        self.name = "looped"
        self.channels = channels
        self.live = live
        self._sound = sound
        self.samples = round(seconds * SAMPLE_RATE)
        self._offsets = np.arange(channels) * (len(sound) // channels)
        self._stopped = Event()
        self.due_at = 0.0

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the stream in blocks of 100 ms; `due_at` tells when its last one is due live (`time.monotonic`)."""
        started = time.monotonic()
        self.due_at = started + self.samples / SAMPLE_RATE
        for start in range(0, self.samples, _BLOCK):
            if self.live:
                self._stopped.wait(max(0.0, started + (start + _BLOCK) / SAMPLE_RATE - time.monotonic()))
            if self._stopped.is_set():
                return
            where = (start + np.arange(_BLOCK)[None, :] + self._offsets[:, None]) % len(self._sound)
            yield AudioBlock(start, self._sound[where])

    def stop(self) -> None:
        """End `blocks` soon."""
        self._stopped.set()
