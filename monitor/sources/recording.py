"""A recording as a source: decoded while it is listened to, at full speed or at the speed of sound."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Protocol

import numpy as np

from monitor.flow import SAMPLE_RATE, AudioBlock
from stser_core import audio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.sources import Source

_COMPARED_S = 10.0


class Clock(Protocol):
    """Paces a replay; tests bring their own."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def wait(self, seconds: float, stopped: Event) -> None:
        """Return after so many seconds, or as soon as `stopped` is set."""
        ...


class MonotonicClock:
    """The system's own clock."""

    def now(self) -> float:
        """Seconds since some fixed point."""
        return time.monotonic()

    def wait(self, seconds: float, stopped: Event) -> None:
        """Sleep, unless woken by `stopped`."""
        stopped.wait(seconds)


class Recording:
    """A file of any format that can be decoded, at 16 kHz."""

    live = False

    def __init__(
        self,
        path: str | Path,
        *,
        mix: bool = False,
        realtime: bool = False,
        clock: Clock | None = None,
        name: str | None = None,
    ) -> None:
        """Look at a file without decoding it.

        Args:
            path: The file.
            mix: Average all channels into one.
            realtime: Let each block come when it would have been heard, instead of as fast as possible.
            clock: What real time is measured with.
            name: Its name in the timeline; the file's own without it.

        Raises:
            stser_core.errors.AudioError: The file is missing or is not audio.
        """
        self._path = Path(path)
        self._mix = mix
        self._realtime = realtime
        self._clock = clock or MonotonicClock()
        self._stopped = Event()
        info = audio.probe(self._path)
        self.name = name or self._path.name
        self.channels = 1 if mix else info.channels
        self.duration_s = info.duration_s

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the recording in blocks of 100 ms, the last one shorter.

        Raises:
            stser_core.errors.AudioError: The file cannot be decoded, or not to its end.
        """
        started = self._clock.now()
        position = 0
        for samples in audio.blocks(self._path):
            block = AudioBlock(position, samples.mean(axis=0, keepdims=True) if self._mix else samples)
            position = block.end
            if self._realtime:
                self._clock.wait(started + position / SAMPLE_RATE - self._clock.now(), self._stopped)
            if self._stopped.is_set():
                return
            yield block

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End `blocks` before its next block."""
        self._stopped.set()


def channels_identical(path: str | Path) -> bool:
    """Whether all channels carry the same samples: a mono recording that was stored as stereo.

    Decodes until the channels differ (in a call of two parties, at the first sound) or ten seconds with sound
    were the same; so it takes milliseconds, except where minutes of digital silence come first.

    Returns:
        False for a single channel.

    Raises:
        stser_core.errors.AudioError: The file is missing or cannot be decoded.
    """
    sounding = 0
    for samples in audio.blocks(path):
        if len(samples) < 2 or not (samples == samples[0]).all():
            return False
        sounding += int(np.count_nonzero(samples[0]))
        if sounding > _COMPARED_S * SAMPLE_RATE:
            break
    return True


class Mixed:
    """Averages the channels of another source."""

    channels = 1

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name = source.name
        self.live = source.live
        self.duration_s = source.duration_s

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the mean of all channels, block by block."""
        for block in self._source.blocks():
            yield AudioBlock(block.start, block.samples.mean(axis=0, keepdims=True), block.dropped)

    def stop(self) -> None:
        """Stop the source."""
        self._source.stop()
