"""What a microphone needs of the system that captures: PortAudio is one, tests bring their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Format:
    """How a device is going to be captured.

    Attributes:
        device: What the user typed, or the device's whole name.
        name: The device's whole name.
        channels: How many channels are captured.
        rate: Samples per second: 16 kHz where the device can, else its own.
    """

    device: str
    name: str
    channels: int
    rate: int


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
            chosen: What `choose` returned.
            heard: Called for each piece of sound from a thread of the system's, with float32 [n, channels], which
                are valid during the call only, and whether sound was lost just before them.
            ended: Called from a thread of the system's when the device goes away.

        Raises:
            DeviceError: The device cannot be opened.
        """
        ...

    def look_again(self) -> None:
        """Look for devices that came or went. Nothing may be open.

        Raises:
            DeviceError: The system does not answer.
        """
        ...
