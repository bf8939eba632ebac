"""A microphone, or any other input of the system, as a source."""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING

from monitor.sources.intake import Intake
from monitor.sources.placer import Placer
from monitor.sources.port_audio import PortAudio
from monitor.sources.zero_watch import ZeroWatch
from stser_core.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from monitor.flow import AudioBlock
    from monitor.sources.capture import Capture, CaptureSystem

_LOOK_S = 0.1
_FIRST_PIECE_S = 5.0
_NEXT_PIECE_S = 2.0
_STOOD_STILL_S = 1.0
_RETRY_S = 1.0


class Microphone:
    """Captures an input, live: what is not read in time is lost, and counted.

    Time is the device's sample count. What was lost is counted in, and so is the time for which a lost device was
    waited for, by the system's clock.

    Attributes:
        waiting: Whether a lost device is being waited for.
    """

    live = True
    duration_s: float | None = None

    def __init__(
        self,
        device: str = "mic",
        *,
        channels: int | None = None,
        reconnect: bool = False,
        notices: Callable[[str], None] = lambda sentence: None,
        system: CaptureSystem | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Find an input; nothing is captured yet.

        Args:
            device: `mic` for the default input, an index, or part of a name.
            channels: How many to capture; `None` for one.
            reconnect: Wait for a device that goes away, instead of ending with an error.
            notices: Is told, in one sentence, what the user should know although it is no error. Called by
                the thread that reads `blocks`.
            system: What captures; `None` for PortAudio.
            clock: Seconds on a clock that never goes back.

        Raises:
            DeviceError: There is no such input, it cannot be captured, or PortAudio is missing.
        """
        self._system = system or PortAudio()
        self._chosen = self._system.choose(device, 1 if channels is None else channels)
        self._reconnect = reconnect
        self._notices = notices
        self._clock = clock
        self._stopped = Event()
        self._intake = Intake(clock)
        self._earlier_overflows = 0
        self._placer = Placer(self._chosen.rate, self._chosen.channels)
        self._zeros = ZeroWatch(self._chosen.device.name, notices)
        self.name = self._chosen.device.name
        self.channels = self._chosen.channels
        self.waiting = False

    @property
    def overflows(self) -> int:
        """How often sound was lost, because the device or its reader was too slow."""
        return self._earlier_overflows + self._intake.overflows

    def blocks(self) -> Iterator[AudioBlock]:
        """Capture until `stop` is called; what had been heard by then still comes.

        While a lost device is waited for, a short block of silence comes every second, so that time goes on and
        the turn in hand ends.

        Raises:
            DeviceError: The device cannot be opened, goes away, or delivers nothing for 2 seconds (5 at the start).
        """
        capture: Capture | None = self._open()
        while capture is not None:
            lost: DeviceError | None = None
            try:
                yield from self._hear()
            except DeviceError as error:
                lost = error
            finally:
                capture.close()
            if lost is None:
                return
            self._report(lost)
            capture = yield from self._wait_for_device(capture)

    def stop(self) -> None:
        """End `blocks` after what has been heard so far."""
        self._stopped.set()
        self._intake.leave()

    def _open(self) -> Capture:
        self._earlier_overflows += self._intake.overflows
        self._intake = Intake(self._clock)
        if self._stopped.is_set():
            self._intake.leave()
        return self._system.open(self._chosen, self._intake.hear, self._intake.end)

    def _hear(self) -> Iterator[AudioBlock]:
        """Blocks until the device is lost, or all is taken after `stop`."""
        looked_s = running_since_s = self._clock()
        while True:
            piece = self._intake.take(_LOOK_S)
            before_s, looked_s = looked_s, self._clock()
            if looked_s - before_s > _STOOD_STILL_S:
                running_since_s = looked_s  # Ctrl-Z stopped this program, not the device
            if piece is None:
                if self._stopped.is_set():
                    return
                self._look_after_device(running_since_s)
                continue
            if self.waiting:
                self.waiting = False
                self._notices(f"The input '{self.name}' is back.")
            self._zeros.hear(piece.samples, self._chosen.rate)
            block = self._placer.place(piece)
            if block is not None:
                yield block

    def _look_after_device(self, running_since_s: float) -> None:
        """Raise an error where the device has gone, or is silent for too long while this program was running."""
        if self._intake.ended:
            raise DeviceError(
                f"The input '{self.name}' went away; connect it again, or start with --reconnect to have it waited for."
            )
        patience_s = _NEXT_PIECE_S if self._intake.delivered else _FIRST_PIECE_S
        if self._clock() - max(self._intake.last_s, running_since_s) > patience_s:
            raise DeviceError(
                f"The input '{self.name}' delivers nothing, for {patience_s:.0f} seconds now; it may have been "
                "unplugged, or another program may keep it to itself."
            )

    def _report(self, lost: DeviceError) -> None:
        if not self._reconnect:
            raise lost
        if not self.waiting:
            self.waiting = True
            self._notices(f"The input '{self.name}' went away or fell silent; waiting for it to come back.")

    def _wait_for_device(self, lost: Capture) -> Generator[AudioBlock, None, Capture | None]:
        """Beats until the device can be captured again, or `None` once `stop` is called."""
        while not self._stopped.wait(_RETRY_S):
            beat = self._placer.beat(self._clock())
            if beat is not None:
                yield beat
            if lost.close():
                capture = self._open_again()
                if capture is not None:
                    return capture
        return None

    def _open_again(self) -> Capture | None:
        try:
            self._chosen = self._system.find_again(self._chosen)
            self._placer.begin(self._chosen.rate)
            return self._open()
        except DeviceError:
            # It is not back yet.
            return None
