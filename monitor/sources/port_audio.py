"""Capturing through PortAudio (https://www.portaudio.com), which speaks to every desktop system's sound."""

from __future__ import annotations

import atexit
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING

from monitor.counted import counted
from monitor.flow import SAMPLE_RATE
from monitor.sources.devices import DEFAULT, Device, find, inputs, look_again, port_audio
from stser_core.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import sounddevice
    from numpy.typing import NDArray

_PIECE_S = 0.03
_CLOSE_S = 1.0


@dataclass(frozen=True)
class CaptureFormat:
    """How a device is captured: at 16 kHz where it can, else at its own rate.

    `system_default` says that the system's default is meant, whichever device that is.
    """

    device: Device
    channels: int
    rate: int
    system_default: bool


class PortAudio:
    """The system's sound inputs. Tests give `Microphone` a system of their own with the same methods."""

    def choose(self, device: str, channels: int) -> CaptureFormat:
        """Find an input, and the rate at which it can be captured.

        Raises:
            DeviceError: None or several fit, the input has fewer channels, or it can be captured at no rate.
        """
        return _format(find(device), channels, system_default=device == DEFAULT)

    def open(
        self, chosen: CaptureFormat, take: Callable[[NDArray[np.float32], bool], None], ended: Callable[[], None]
    ) -> PortAudioCapture:
        """Start capturing, in pieces of 30 ms.

        Args:
            chosen: What `choose` or `find_again` returned.
            take: Called for each piece of sound from a thread of PortAudio's, with float32 [n, channels], which are
                valid during the call only, and whether sound was lost just before them.
            ended: Called from a thread of PortAudio's when the device goes away.

        Raises:
            DeviceError: The input has gone, or another program keeps it to itself.
        """
        library = port_audio()

        # PortAudio calls this from a thread that must not wait, and where an exception would be lost.
        def callback(
            samples: NDArray[np.float32], frames: int, times: object, status: sounddevice.CallbackFlags
        ) -> None:
            take(samples, bool(status.input_overflow))

        try:
            stream = library.InputStream(
                device=chosen.device.index,
                channels=chosen.channels,
                samplerate=chosen.rate,
                blocksize=round(_PIECE_S * chosen.rate),
                dtype="float32",
                latency="high",
                callback=callback,
                finished_callback=ended,
            )
        except library.PortAudioError as error:
            raise DeviceError(_refusal(chosen.device.name, error)) from error
        capture = PortAudioCapture(stream)
        try:
            stream.start()
        except library.PortAudioError as error:
            capture.close()
            raise DeviceError(_refusal(chosen.device.name, error)) from error
        return capture

    def find_again(self, chosen: CaptureFormat) -> CaptureFormat:
        """Look for an input among those that are there now, which may be numbered otherwise. Nothing may be open.

        Raises:
            DeviceError: It is not there, cannot be captured, or PortAudio does not start.
        """
        look_again()
        if chosen.system_default:
            return self.choose(DEFAULT, chosen.channels)
        before = chosen.device
        alike = [one for one in inputs() if (one.name, one.host_api) == (before.name, before.host_api)]
        if not alike:
            raise DeviceError(f"The input '{before.name}' is not there.")
        # Two microphones of one kind have one name; the same number is then the better guess.
        same_number = [one for one in alike if one.index == before.index]
        return _format((same_number or alike)[0], chosen.channels, system_default=False)


class PortAudioCapture:
    """An open stream of PortAudio's."""

    def __init__(self, stream: sounddevice.InputStream) -> None:
        self._stream = stream
        self._closing: Thread | None = None

    def close(self) -> bool:
        """Stop within a second, or leave it to a thread, since a driver may hang; whether the stream was released."""
        if self._closing is None:
            self._closing = Thread(target=self._close, name="closing the device", daemon=True)
            self._closing.start()
        self._closing.join(_CLOSE_S)
        if self._closing.is_alive():
            # When the program ends, PortAudio would wait for the same stream, for ever.
            atexit.unregister(port_audio()._exit_handler)
        return not self._closing.is_alive()

    def _close(self) -> None:
        self._stream.abort(ignore_errors=True)
        self._stream.close(ignore_errors=True)


def _format(device: Device, channels: int, *, system_default: bool) -> CaptureFormat:
    """The device at 16 kHz if possible, else at its own rate."""
    if channels > device.channels:
        there = counted(device.channels, "channel")
        raise DeviceError(f"The input '{device.name}' has {there}, but {channels} were asked for.")
    library = port_audio()
    for rate in (SAMPLE_RATE, device.sample_rate):
        try:
            library.check_input_settings(device.index, channels, "float32", samplerate=rate)
        except library.PortAudioError as error:
            refusal = error
        else:
            return CaptureFormat(device, channels, rate, system_default)
    raise DeviceError(_refusal(device.name, refusal)) from refusal


def _refusal(name: str, error: Exception) -> str:
    return f"The input '{name}' cannot be opened ({error}); another program may be using it, or it has gone."
