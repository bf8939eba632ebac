"""What a microphone needs of the system that captures: PortAudio is one, tests bring their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from monitor.sources.devices import Device


@dataclass(frozen=True)
class Format:
    """How a device is going to be captured.

    Attributes:
        device: The device, as it was numbered and named when it was found.
        channels: How many channels are captured.
        rate: Samples per second: 16 kHz where the device can, else its own.
        usual: Whether the system's default is meant, whichever device that is.
    """

    device: Device
    channels: int
    rate: int
    usual: bool


class Capture(Protocol):
    """A device that is being captured."""

    def close(self) -> bool:
        """Stop, soon. May be called again where it did not succeed.

        Returns:
            Whether the device let go of the stream; a driver that hangs may never do so.
        """
        ...


class CaptureSystem(Protocol):
    """Finds devices and opens them."""

    def choose(self, device: str, channels: int) -> Format:
        """Find a device and the format in which it can be captured.

        Raises:
            DeviceError: There is no such device, or it cannot be captured so.
        """
        ...

    def open(
        self, chosen: Format, heard: Callable[[NDArray[np.float32], bool], None], ended: Callable[[], None]
    ) -> Capture:
        """Start capturing.

        Args:
            chosen: What `choose` or `find_again` returned.
            heard: Called for each piece of sound from a thread of the system's, with float32 [n, channels], which
                are valid during the call only, and whether sound was lost just before them.
            ended: Called from a thread of the system's when the device goes away.

        Raises:
            DeviceError: The device cannot be opened.
        """
        ...

    def find_again(self, chosen: Format) -> Format:
        """Look for a device among those that are there now. Nothing may be open.

        Raises:
            DeviceError: It is not there, or cannot be captured; or the system does not answer.
        """
        ...
