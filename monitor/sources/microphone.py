"""A microphone, or any other input of the system, as a source: live, on a clock that never goes back."""

import math
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from threading import Event

import numpy as np
from numpy.typing import NDArray

from monitor.flow import SAMPLE_RATE, AudioBlock
from monitor.queue import ClosableQueue
from monitor.sources.port_audio import SystemInput
from stser_core.audio import Resampler
from stser_core.errors import DeviceError

_CAPACITY = 512
"""Pieces of 30 ms that may wait: what a busy machine may fall behind before sound is lost."""
_LOOK_S = 0.1
_FIRST_PIECE_S = 5.0
_NEXT_PIECE_S = 2.0
_RETRY_S = 1.0
_ZEROS_S = 5.0
_ZEROS_AGAIN_S = 60.0
_SETTLING_S = 3.0
_LARGEST_DRIFT = 1e-3
_KEEP_ALIVE = SAMPLE_RATE // 50


class Microphone:
    """Captures an input, live: what is not read in time is lost, and counted.

    Time is the device's sample count. What was lost is counted in, and so is the time for which a lost device was
    waited for, by the system's clock.

    Attributes:
        waiting: Whether a lost device is being waited for.
    """

    def __init__(
        self,
        source: SystemInput,
        *,
        notices: Callable[[str], None] = lambda sentence: None,
        complain: Callable[[str], None] = lambda sentence: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to capture an input; nothing is captured yet.

        In the thread that reads `blocks`, `complain` gets sentences that tell of a lost device, and `notices` those
        that are not errors. `clock` stands in for the system's own in tests.
        """
        self._input = source
        self._notices = notices
        self._complain = complain
        self._clock = clock
        self._stopped = Event()
        self._stream = StreamClock(source.rate, source.channels)
        self._pieces: ClosableQueue[AudioBlock] = ClosableQueue(_CAPACITY)
        self._delivered = False
        self._zeros_s, self._since_notice_s = 0.0, _ZEROS_AGAIN_S
        self.name = source.name
        self.channels = source.channels
        self.waiting = False

    def blocks(self) -> Iterator[AudioBlock]:
        """Capture until `stop` is called; what had been captured by then still comes.

        A device that goes away, or delivers nothing for 2 seconds, is waited for. Meanwhile a short block of silence
        comes every second, so that time goes on and the turn in hand ends.

        Raises:
            DeviceError: The device cannot be opened, or delivers nothing for 5 seconds at the start.
        """
        self._open()
        while True:
            try:
                yield from self._captured()
                return
            except DeviceError as error:
                if not self._delivered:
                    raise
                lost = str(error)
            finally:
                self._input.close()
            if not self.waiting:
                self.waiting = True
                self._complain(f"{lost} Waiting for it; Ctrl-C ends.")
            if not (yield from self._wait_for_device()):
                return

    def stop(self) -> None:
        """End `blocks` after what has been captured so far."""
        self._stopped.set()
        self._pieces.close()

    def _open(self) -> None:
        self._pieces = ClosableQueue(_CAPACITY)  # of this opening; closed where the device goes away
        if self._stopped.is_set():
            self._pieces.close()
        self._input.open(self._hear, self._pieces.close)

    def _hear(self, samples: NDArray[np.float32], overflowed: bool) -> None:
        """Copy a piece, float32 [n, channels], and queue it; called by the device's thread, which must never wait."""
        if self._stopped.is_set():
            return
        block = self._stream.place(samples.T.copy(), self._clock(), overflowed)
        if block is not None:
            self._pieces.put_dropping(block)

    def _captured(self) -> Iterator[AudioBlock]:
        """Blocks until the device is lost, or all is taken after `stop`."""
        silent_s, patience_s = 0.0, _FIRST_PIECE_S
        while silent_s < patience_s:
            block = self._pieces.get(_LOOK_S)
            if block is not None:
                silent_s, patience_s, self._delivered = 0.0, _NEXT_PIECE_S, True
                if self.waiting:
                    self.waiting = False
                    self._complain(f"The input '{self.name}' is back.")
                self._watch_for_zeros(block)
                yield block
            elif self._pieces.closed:
                if self._stopped.is_set():
                    return
                raise DeviceError(f"The input '{self.name}' went away.")
            else:
                silent_s += _LOOK_S  # not by a clock, which goes on while Ctrl-Z has stopped this program
        raise DeviceError(
            f"The input '{self.name}' delivers nothing, for {patience_s:.0f} seconds now; it may have been unplugged, "
            "or another program may be using it."
        )

    def _watch_for_zeros(self, block: AudioBlock) -> None:
        """Tell of five seconds of exact zeros, once for each such silence, and at most once a minute.

        Not an error: a muted microphone is silent, and so is noise suppression in every pause.
        """
        length_s = block.samples.shape[1] / SAMPLE_RATE
        before_s = self._zeros_s
        self._zeros_s = 0.0 if block.samples.any() else before_s + length_s
        self._since_notice_s += length_s
        if before_s < _ZEROS_S <= self._zeros_s and self._since_notice_s >= _ZEROS_AGAIN_S:
            self._since_notice_s = 0.0
            self._notices(
                f"The input '{self.name}' has delivered nothing but exact zeros for {_ZEROS_S:.0f} seconds; it "
                "may be muted, or another program may be using it."
            )

    def _wait_for_device(self) -> Generator[AudioBlock, None, bool]:
        """Silence until the device is captured again; false where `stop` is called."""
        while not self._stopped.wait(_RETRY_S):
            silence = self._stream.keep_alive(self._clock())
            if silence is not None:
                yield silence
            if not self._input.close():
                continue
            with suppress(DeviceError):  # it is not back yet
                self._input.find_again()
                self._stream.begin(self._input.rate)
                self._open()
                return True
        return False


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
