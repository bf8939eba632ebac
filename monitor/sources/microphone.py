"""A microphone, or any other input of the system, as a source."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from threading import Event

import numpy as np
from numpy.typing import NDArray

from monitor.flow import SAMPLE_RATE, AudioBlock
from monitor.sources.port_audio import PortAudio, PortAudioCapture
from monitor.sources.stream_clock import StreamClock
from stser_core.errors import DeviceError

_CAPACITY = 512
"""Pieces of 30 ms that may wait: what a busy machine may fall behind before sound is lost."""
_LOOK_S = 0.1
_FIRST_PIECE_S = 5.0
_NEXT_PIECE_S = 2.0
_STOOD_STILL_S = 1.0
_RETRY_S = 1.0
_ZEROS_S = 5.0
_ZEROS_AGAIN_S = 60.0


class CaptureBuffer:
    """Between the device's thread, which must never wait, and the reader: when it is full, drops the oldest block.

    Attributes:
        last_s: When the last piece arrived, or when the device was opened.
        delivered: Whether any piece has arrived.
        ended: Whether the device has gone.
    """

    def __init__(self, stream: StreamClock, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock = clock
        self._blocks: deque[AudioBlock] = deque(maxlen=_CAPACITY)
        self._changed = Event()
        self._closed = False
        self.last_s = clock()
        self.delivered = False
        self.ended = False

    def put(self, samples: NDArray[np.float32], overflowed: bool) -> None:
        """Copy a piece, float32 [n, channels], and queue it; called by the device's thread only."""
        if self._closed:
            return
        self.last_s = self._clock()
        self.delivered = True
        block = self._stream.place(samples.T.copy(), self.last_s, overflowed)
        if block is not None:
            self._blocks.append(block)
            self._changed.set()

    def end(self) -> None:
        """The device has gone; called by the device's thread."""
        self.ended = True
        self._changed.set()

    def close(self) -> None:
        """Accept nothing more; what is there can still be taken. From any thread."""
        self._closed = True
        self._changed.set()

    def take(self, patience_s: float) -> AudioBlock | None:
        """The oldest block, waited for no longer than this; `None` where none came, or something else happened."""
        if not self._blocks and not self._closed:
            self._changed.wait(patience_s)
            self._changed.clear()
        return self._blocks.popleft() if self._blocks else None


class Microphone:
    """Captures an input, live: what is not read in time is lost, and counted.

    Time is the device's sample count. What was lost is counted in, and so is the time for which a lost device was
    waited for, by the system's clock.

    Attributes:
        waiting: Whether a lost device is being waited for.
    """

    def __init__(
        self,
        device: str,
        *,
        channels: int | None = 1,
        notices: Callable[[str], None] = lambda sentence: None,
        complain: Callable[[str], None] = lambda sentence: None,
        system: PortAudio | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Find an input by `mic`, which is the default one, an index, or part of a name; nothing is captured yet.

        Without a number of channels, two are captured, or the only one. In the thread that reads `blocks`, `complain`
        gets sentences that tell of a lost device, and `notices` those that are not errors. `system` stands in for
        PortAudio in tests, and `clock` for the system's own.

        Raises:
            DeviceError: The input does not exist or cannot be captured, or PortAudio is missing.
        """
        self._system = system or PortAudio()
        self._chosen = self._system.choose(device, channels)
        self._notices = notices
        self._complain = complain
        self._clock = clock
        self._stopped = Event()
        self._stream = StreamClock(self._chosen.rate, self._chosen.channels)
        self._buffer = CaptureBuffer(self._stream, clock)
        self._zeros_s = 0.0
        self._since_notice_s = _ZEROS_AGAIN_S
        self.name = self._chosen.device.name
        self.channels = self._chosen.channels
        self.waiting = False
        self._delivered = False

    def blocks(self) -> Iterator[AudioBlock]:
        """Capture until `stop` is called; what had been captured by then still comes.

        A device that goes away, or delivers nothing for 2 seconds, is waited for. Meanwhile a short block of silence
        comes every second, so that time goes on and the turn in hand ends.

        Raises:
            DeviceError: The device cannot be opened, or delivers nothing for 5 seconds at the start.
        """
        capture: PortAudioCapture | None = self._open()
        while capture is not None:
            try:
                yield from self._captured()
            except DeviceError as error:
                if not self._delivered:
                    raise
                lost = str(error)
            else:
                return
            finally:
                capture.close()
            if not self.waiting:
                self.waiting = True
                self._complain(f"{lost} Waiting for it; Ctrl-C ends.")
            capture = yield from self._wait_for_device(capture)

    def stop(self) -> None:
        """End `blocks` after what has been captured so far."""
        self._stopped.set()
        self._buffer.close()

    def _open(self) -> PortAudioCapture:
        self._buffer = CaptureBuffer(self._stream, self._clock)
        if self._stopped.is_set():
            self._buffer.close()
        return self._system.open(self._chosen, self._buffer.put, self._buffer.end)

    def _captured(self) -> Iterator[AudioBlock]:
        """Blocks until the device is lost, or all is taken after `stop`."""
        looked_s = running_since_s = self._clock()
        while True:
            block = self._buffer.take(_LOOK_S)
            before_s, looked_s = looked_s, self._clock()
            if looked_s - before_s > _STOOD_STILL_S:
                running_since_s = looked_s  # Ctrl-Z stopped this program, not the device
            if block is None:
                if self._stopped.is_set():
                    return
                self._look_after_device(running_since_s)
                continue
            self._delivered = True
            if self.waiting:
                self.waiting = False
                self._complain(f"The input '{self.name}' is back.")
            self._watch_for_zeros(block)
            yield block

    def _look_after_device(self, running_since_s: float) -> None:
        """Raise an error where the device has gone, or is silent for too long while this program was running."""
        if self._buffer.ended:
            raise DeviceError(f"The input '{self.name}' went away.")
        patience_s = _NEXT_PIECE_S if self._buffer.delivered else _FIRST_PIECE_S
        if self._clock() - max(self._buffer.last_s, running_since_s) > patience_s:
            raise DeviceError(
                f"The input '{self.name}' delivers nothing, for {patience_s:.0f} seconds now; it may have been "
                "unplugged, or another program may be using it."
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

    def _wait_for_device(self, lost: PortAudioCapture) -> Generator[AudioBlock, None, PortAudioCapture | None]:
        """Silence until the device can be captured again, or `None` once `stop` is called."""
        while not self._stopped.wait(_RETRY_S):
            silence = self._stream.keep_alive(self._clock())
            if silence is not None:
                yield silence
            if not lost.close():
                continue
            with suppress(DeviceError):  # it is not back yet
                self._chosen = self._system.find_again(self._chosen)
                self._stream.begin(self._chosen.rate)
                return self._open()
        return None
