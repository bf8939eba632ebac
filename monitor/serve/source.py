"""The sound of a line as a source: frames come in by the event loop, blocks go out to the line's pipeline."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from monitor.flow import AudioBlock
from monitor.queue import ClosableQueue
from monitor.serve.messages import Sound
from monitor.serve.tracks import Tracks

if TYPE_CHECKING:
    from monitor.serve.metrics import Metrics
    from monitor.serve.security import Limits

_CAPACITY = 100
"""Batches of 100 ms that may wait: what a busy machine may fall behind before sound is lost."""

_BATCH_S = 0.1
_FIRST_BATCH_S = 0.12
"""A frame more than a block, so that each batch completes one, though resampling holds a little back."""


class _Frame(NamedTuple):
    """A frame of sound, and how many seconds of the line had passed when it came."""

    sound: Sound
    passed_s: float


class LineSource:
    """The sound of a line: a bounded buffer, which drops the oldest batch of frames when it is full.

    `put` and `end` belong to the event loop.
    """

    def __init__(self, name: str, rate: int, channels: int, limits: Limits, metrics: Metrics) -> None:
        """Begin now, with frames of so many samples a second. `metrics` counts what is lost."""
        self.name = name
        self.channels = channels
        self._rate = rate
        self._limits = limits
        self._metrics = metrics
        self._began_s = time.monotonic()
        self._came = [0] * channels
        self._batch: list[_Frame] = []
        self._enough_s = _FIRST_BATCH_S
        self._batches: ClosableQueue[list[_Frame]] = ClosableQueue(_CAPACITY)

    @property
    def ahead_s(self) -> float:
        """By how much the sound that came is ahead of the time that has passed."""
        return max(self._came) / self._rate - self._passed_s

    @property
    def filling(self) -> bool:
        """Whether half of the room is taken."""
        return len(self._batches) >= _CAPACITY // 2

    def put(self, sound: Sound) -> None:
        """Add a frame."""
        self._batch.append(_Frame(sound, self._passed_s))
        self._came[sound.channel] += sound.samples.shape[1]
        if self._lasts_s(self._batch) >= self._enough_s:
            self._enough_s = _BATCH_S
            self._hand_over()

    def end(self) -> None:
        """The last frame has come."""
        self._hand_over()
        self.stop()

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield what was put, until `stop` is called and all is taken."""
        tracks, limits = Tracks(self._rate, self.channels), self._limits
        late, passed_s = 0, 0.0
        while (batch := self._batches.get()) is not None:
            for sound, passed_s in batch:
                for block in tracks.place(sound, passed_s - limits.pause_s, passed_s + limits.lead_s):
                    yield replace(block, arrived_at=self._began_s + passed_s)
            self._metrics.late.inc((tracks.late - late) / self._rate)
            late = tracks.late
        for block in tracks.flush():
            yield replace(block, arrived_at=self._began_s + passed_s)

    def stop(self) -> None:
        """End `blocks` after what has been put so far."""
        self._batches.close()

    @property
    def _passed_s(self) -> float:
        return time.monotonic() - self._began_s

    def _hand_over(self) -> None:
        batch, self._batch = self._batch, []
        _, dropped = self._batches.put_dropping(batch)
        if dropped is not None:
            self._metrics.dropped.inc(self._lasts_s(dropped))

    def _lasts_s(self, batch: list[_Frame]) -> float:
        """How long a batch is on its first channel."""
        samples = [int(sound.samples.shape[1]) for sound, _ in batch if sound.channel == batch[0].sound.channel]
        return sum(samples) / self._rate
