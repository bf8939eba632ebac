"""Puts the frames of a stream's channels on one clock: late, missing, repeated and crossed ones, each in its place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from monitor.flow import SAMPLE_RATE, AudioBlock
from monitor.serve.protocols import Sound
from stser_core.audio import Resampler

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HOLD_S = 0.2
"""A frame that is missing is waited for until so much of what follows it has come."""
_JITTER_S = 0.1
"""A time stamp that is off by less is the end of the frame before, where none is missing by the sender's count."""
_ROUNDING_S = 0.01
_LONG_GAP_S = 1.0
_LONGEST_BACK_S = 5.0
_BLOCK = SAMPLE_RATE // 10


class Tracks:
    """Makes blocks at 16 kHz of frames at `rate`. A stretch without sound on any channel is a gap between two blocks.

    Attributes:
        late: Number of samples that came too late for their place.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self.rate = rate
        self._sound = np.zeros((channels, rate), dtype=np.float32)
        self._heard = np.zeros((channels, rate), dtype=bool)
        self._length = 0  # samples that are held, of which some may be missing
        self._from = 0  # index of the first of them
        self._ends: list[int | None] = [None] * channels
        self._numbers: list[int | None] = [None] * channels
        self._origin_ms: float | None = None
        self._paused = 0  # samples by which the sound without time stamps was moved
        self._resampler = Resampler(rate, channels)
        self._resampled = 0  # index of the sample after the last that was resampled
        self._position = 0  # the same at 16 kHz, without those that wait for the end of a block
        self._waiting = np.zeros((channels, 0), dtype=np.float32)
        self._complete: list[AudioBlock] = []
        self.late = 0

    def place(
        self, sound: Sound, samples: NDArray[np.float32], earliest_s: float = 0.0, latest_s: float = math.inf
    ) -> None:
        """Put a frame in its place.

        Args:
            sound: Of this stream.
            samples: Its own, float32 [channels, n].
            earliest_s: Where a frame without a time stamp starts at the earliest: after a pause, time has gone on.
            latest_s: Where one with a time stamp starts at the latest; beyond, its clock has been set.
        """
        channels = slice(sound.channel, sound.channel + len(samples))
        start = self._start(sound, earliest_s, latest_s)
        for channel in range(channels.start, channels.stop):
            self._ends[channel] = max(self._ends[channel] or 0, start + samples.shape[1])
        if start < self._from:
            self.late += min(self._from - start, samples.shape[1])
            samples = samples[:, self._from - start :]
            start = self._from
        if not samples.shape[1]:
            return
        if start - self._from - self._length > _LONG_GAP_S * self.rate:
            self._pass_on(self._length)
            self._from = start
        place = start - self._from
        end = place + samples.shape[1]
        self._length = max(self._length, end)
        if end > self._sound.shape[1]:
            more = ((0, 0), (0, end))
            self._sound, self._heard = np.pad(self._sound, more), np.pad(self._heard, more)
        self._sound[channels, place:end] = samples
        self._heard[channels, place:end] = True

    def blocks(self) -> list[AudioBlock]:
        """What is complete by now. Each call costs time: best after some frames."""
        self._pass_on(self._ready())
        return self._taken()

    def flush(self) -> list[AudioBlock]:
        """The stream has ended: all that is left."""
        self._pass_on(self._length)
        self._add(self._resampler.flush(), rest=True)
        return self._taken()

    def _taken(self) -> list[AudioBlock]:
        complete, self._complete = self._complete, []
        return complete

    def _start(self, sound: Sound, earliest_s: float, latest_s: float) -> int:
        """Index at which a frame starts."""
        before = self._ends[sound.channel]
        if sound.at_ms is None:
            self._paused += max(0, round(earliest_s * self.rate) - sound.start - self._paused)
            return sound.start + self._paused
        number, last = sound.number, self._numbers[sound.channel]
        follows = number is None or (last is not None and number == last + 1)
        if number is not None:
            self._numbers[sound.channel] = max(number, last or 0)
        following = self._from if before is None else before
        if self._origin_ms is None:
            self._origin_ms = sound.at_ms
        start = round((sound.at_ms - self._origin_ms) * self.rate / 1000)
        if before is not None and abs(start - before) <= (_JITTER_S if follows else _ROUNDING_S) * self.rate:
            return before
        back = start < self._from - _LONGEST_BACK_S * self.rate
        if back or start > max(latest_s * self.rate, following):
            self._origin_ms += (start - following) * 1000 / self.rate
            return following
        return start

    def _ready(self) -> int:
        """Number of the held samples for which nothing more is waited for."""
        given_up = self._length - round(_HOLD_S * self.rate)
        waited_for = [
            _leading(heard[: self._length])
            for heard, end in zip(self._heard, self._ends, strict=True)
            if (end or 0) - self._from > given_up  # one that is further behind has paused, or never comes
        ]
        return max(min(waited_for, default=0), given_up, 0)

    def _pass_on(self, count: int) -> None:
        """Make blocks of the first samples that are held; these are then held no longer."""
        if not count:
            return
        present: NDArray[np.bool_] = np.logical_or.reduce(self._heard[:, :count])
        for start, end in _runs(present):
            at = self._from + start
            if at > self._resampled:
                self._add(self._resampler.flush(), rest=True)
                self._resampler = Resampler(self.rate, len(self._sound))
                self._position = max(self._position, round(at * SAMPLE_RATE / self.rate))
            self._resampled = self._from + end
            self._add(self._resampler.feed(self._sound[:, start:end]))
        for held in (self._sound, self._heard):
            held[:, : self._length - count] = held[:, count : self._length]
            held[:, self._length - count : self._length] = 0
        self._length -= count
        self._from += count

    def _add(self, samples: NDArray[np.float32], *, rest: bool = False) -> None:
        """Add a block up to the last whole tenth of a second, as those of a recording; with `rest`, all of it."""
        waiting = np.concatenate([self._waiting, np.clip(samples, -1.0, 1.0)], axis=1)
        end = self._position + waiting.shape[1]
        size = waiting.shape[1] if rest else max(0, end // _BLOCK * _BLOCK - self._position)
        if size:
            self._complete.append(AudioBlock(self._position, waiting[:, :size]))
        self._position += size
        self._waiting = waiting[:, size:]


def _leading(heard: NDArray[np.bool_]) -> int:
    """Number of samples before the first that is missing."""
    return heard.size if heard.all() else int(heard.argmin())


def _runs(present: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end of each run of samples that are there."""
    if present.all():
        return [(0, present.size)] if present.size else []
    edges = np.flatnonzero(np.diff(present, prepend=False, append=False))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
