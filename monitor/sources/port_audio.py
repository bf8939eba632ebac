"""Capturing through PortAudio (https://www.portaudio.com), which speaks to every desktop system's sound."""

from __future__ import annotations

import atexit
from threading import Thread
from typing import TYPE_CHECKING

from monitor.flow import SAMPLE_RATE
from monitor.sources.capture import Format
from monitor.sources.devices import DEFAULT, Device, find, inputs, look_again, port_audio
from stser_core.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import sounddevice
    from numpy.typing import NDArray

_PIECE_S = 0.03
_CLOSE_S = 1.0


class PortAudio:
    """The system's sound inputs."""

    def choose(self, device: str, channels: int) -> Format:
        """Find an input, and the rate at which it can be captured.

        Raises:
            DeviceError: None or several fit, the input has fewer channels, or it can be captured at no rate.
        """
        return _format(find(device), channels, usual=device == DEFAULT)

    def open(
        self, chosen: Format, heard: Callable[[NDArray[np.float32], bool], None], ended: Callable[[], None]
    ) -> PortAudioCapture:
        """Start capturing, in pieces of 30 ms.

        Raises:
            DeviceError: The input has gone, or another program keeps it to itself.
        """
        library = port_audio()

        # PortAudio calls this from a thread that must not wait, and where an exception would be lost.
        def take(samples: NDArray[np.float32], frames: int, times: object, status: sounddevice.CallbackFlags) -> None:
            heard(samples, bool(status.input_overflow))

        try:
            stream = library.InputStream(
                device=chosen.device.index,
                channels=chosen.channels,
                samplerate=chosen.rate,
                blocksize=round(_PIECE_S * chosen.rate),
                dtype="float32",
                latency="high",
                callback=take,
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

    def find_again(self, chosen: Format) -> Format:
        """Look for an input among those that are there now, which may be numbered otherwise.

        Raises:
            DeviceError: It is not there, cannot be captured, or PortAudio does not start.
        """
        look_again()
        if chosen.usual:
            return self.choose(DEFAULT, chosen.channels)
        before = chosen.device
        alike = [one for one in inputs() if (one.name, one.host_api) == (before.name, before.host_api)]
        if not alike:
            raise DeviceError(f"The input '{before.name}' is not there.")
        # Two microphones of one kind have one name; the same number is then the better guess.
        same_number = [one for one in alike if one.index == before.index]
        return _format((same_number or alike)[0], chosen.channels, usual=False)


class PortAudioCapture:
    """An open stream of PortAudio's."""

    def __init__(self, stream: sounddevice.InputStream) -> None:
        self._stream = stream
        self._closing: Thread | None = None

    def close(self) -> bool:
        """Stop within a second, or leave it to a thread, since a driver or a sound server may hang."""
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


def _format(device: Device, channels: int, *, usual: bool) -> Format:
    if channels > device.channels:
        there = "1 channel" if device.channels == 1 else f"{device.channels} channels"
        raise DeviceError(f"The input '{device.name}' has {there}, but {channels} were asked for.")
    return Format(device, channels, _rate(device, channels), usual)


def _rate(device: Device, channels: int) -> int:
    """16 kHz if possible, else the device's own rate."""
    library = port_audio()
    for rate in (SAMPLE_RATE, device.sample_rate):
        try:
            library.check_input_settings(device.index, channels, "float32", samplerate=rate)
        except library.PortAudioError as error:
            refusal = error
        else:
            return rate
    raise DeviceError(_refusal(device.name, refusal)) from refusal


def _refusal(name: str, error: Exception) -> str:
    return f"The input '{name}' cannot be opened ({error}); another program may be using it, or it has gone."
