"""The system's inputs, listed and captured by PortAudio (https://www.portaudio.com)."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any

from monitor.counted import counted
from monitor.flow import SAMPLE_RATE
from stser_core.errors import DeviceError

if TYPE_CHECKING:
    import numpy as np
    import sounddevice
    from numpy.typing import NDArray

DEFAULT = "mic"
"""The name of the system's default input."""

_LIST = "'stser-monitor devices' lists the inputs"
_PIECE_S = 0.03
_CLOSE_S = 1.0


@dataclass(frozen=True)
class Device:
    """A microphone or another input: PortAudio's number of it, its own rate in Hz, and the interface, such as ALSA."""

    index: int
    name: str
    channels: int
    sample_rate: int
    default: bool
    host_api: str = ""

    @property
    def full_name(self) -> str:
        """Its name with its interface."""
        return f"{self.name}, {self.host_api}" if self.host_api else self.name


def port_audio() -> Any:  # noqa: ANN401  the package has no types
    """The module `sounddevice`, whose import starts PortAudio.

    Raises:
        DeviceError: PortAudio is missing, with the name of the package to install, or does not start.
    """
    try:
        import sounddevice
    except OSError as error:
        raise DeviceError(
            "The PortAudio library is missing, so no microphone can be used; install it, on Debian and Ubuntu with "
            "'apt-get install libportaudio2'."
        ) from error
    except Exception as error:  # its import starts PortAudio, and until it is imported its error has no name
        if type(error).__name__ != "PortAudioError":
            raise
        raise DeviceError(f"PortAudio does not start ({error}).") from error
    return sounddevice


def inputs() -> tuple[Device, ...]:
    """All devices that can capture, in PortAudio's order, as it found them when it started.

    Raises:
        DeviceError: PortAudio is missing or does not answer.
    """
    sounddevice = port_audio()
    try:
        found = sounddevice.query_devices()
        apis = sounddevice.query_hostapis()
        default = sounddevice.default.device[0]
    except sounddevice.PortAudioError as error:
        raise DeviceError(f"PortAudio cannot list the devices ({error}).") from error
    return tuple(
        Device(
            index=number,
            name=str(device["name"]),
            channels=int(device["max_input_channels"]),
            sample_rate=round(device["default_samplerate"]),
            default=number == default,
            host_api=str(apis[device["hostapi"]]["name"]),
        )
        for number, device in enumerate(found)
        if device["max_input_channels"] > 0
    )


def find(device: str) -> Device:
    """The input that is meant by `mic` (the default one), an index, or part of a name in upper or lower case.

    A whole name goes before parts of names. Where a system reaches a device through several interfaces, the default
    input's is taken, unless the text names another behind a comma: `USB Microphone, Windows WASAPI`.

    Raises:
        DeviceError: None or several fit, with the names of those; or PortAudio is missing.
    """
    known = inputs()
    if not known:
        raise DeviceError("No input device was found; connect a microphone, or give '--device -' to read a pipe.")
    if device == DEFAULT:
        fitting, nothing = [one for one in known if one.default], "No input is the system's default"
    elif device.isdecimal():
        fitting, nothing = [one for one in known if one.index == int(device)], f"No input has the index {device}"
    else:
        sought, nothing = device.casefold(), f"No input has '{device}' in its name"
        whole = [one for one in known if sought in (one.name.casefold(), one.full_name.casefold())]
        fitting = whole or [one for one in known if sought in one.full_name.casefold()]
        usual = {one.host_api for one in known if one.default}
        reached = [one for one in fitting if one.host_api in usual]
        fitting = reached if len(reached) == 1 else fitting
    if not fitting:
        raise DeviceError(f"{nothing}; there are: {_listed(known)} ({_LIST}).")
    if len(fitting) > 1:
        raise DeviceError(f"Several inputs fit: {_listed(fitting)}; give more of the name, or the index ({_LIST}).")
    return fitting[0]


def _listed(devices: Sequence[Device]) -> str:
    return ", ".join(f"{one.index} '{one.full_name}'" for one in devices)


class SystemInput:
    """An input of the system, captured at 16 kHz where it can, else at its own rate.

    Attributes:
        name: The device's name.
        channels: How many of its channels are captured.
        rate: Samples per second.
    """

    def __init__(self, device: str, channels: int | None = 1) -> None:
        """Find an input as `find` does; without a number of channels, two are captured, or the only one.

        Raises:
            DeviceError: None or several fit, the input has fewer channels, or it can be captured at no rate.
        """
        self._system_default = device == DEFAULT  # whichever device that is
        self._stream: sounddevice.InputStream | None = None
        self._closing: Thread | None = None
        found = find(device)
        self.channels = channels or min(2, found.channels)
        self._choose(found)

    def open(self, take: Callable[[NDArray[np.float32], bool], None], ended: Callable[[], None]) -> None:
        """Start capturing, in pieces of 30 ms.

        Args:
            take: Called for each piece of sound from a thread of PortAudio's, with float32 [n, channels], which are
                valid during the call only, and whether sound was lost just before them.
            ended: Called from a thread of PortAudio's when the device goes away.

        Raises:
            DeviceError: The input has gone, or another program keeps it to itself.
        """
        library = port_audio()
        self._stream = self._closing = None
        try:
            self._stream = library.InputStream(
                device=self._device.index,
                channels=self.channels,
                samplerate=self.rate,
                blocksize=round(_PIECE_S * self.rate),
                dtype="float32",
                latency="high",
                # From a thread that must not wait, and where an exception would be lost.
                callback=lambda samples, frames, times, status: take(samples, bool(status.input_overflow)),
                finished_callback=ended,
            )
            self._stream.start()
        except library.PortAudioError as error:
            self.close()
            raise DeviceError(_refusal(self.name, error)) from error

    def close(self) -> bool:
        """Stop within a second, or leave it to a thread, since a driver may hang; whether the stream was released."""
        if self._closing is None:
            self._closing = Thread(target=self._release, name="closing the device", daemon=True)
            self._closing.start()
        self._closing.join(_CLOSE_S)
        if self._closing.is_alive():
            # When the program ends, PortAudio would wait for the same stream, for ever.
            atexit.unregister(port_audio()._exit_handler)
        return not self._closing.is_alive()

    def find_again(self) -> None:
        """Look for the input among those that are there now, which may be numbered otherwise. Nothing may be open.

        Raises:
            DeviceError: It is not there, cannot be captured, or PortAudio does not start.
        """
        library = port_audio()
        try:  # PortAudio looks for devices only when it starts, for which the package offers no public name
            if library._initialized:
                library._terminate()
            library._initialize()
        except library.PortAudioError as error:
            raise DeviceError(f"PortAudio cannot look for devices ({error}).") from error
        if self._system_default:
            self._choose(find(DEFAULT))
            return
        before = self._device
        alike = [one for one in inputs() if (one.name, one.host_api) == (before.name, before.host_api)]
        if not alike:
            raise DeviceError(f"The input '{before.name}' is not there.")
        # Two microphones of one kind have one name; the same number is then the better guess.
        same_number = [one for one in alike if one.index == before.index]
        self._choose((same_number or alike)[0])

    def _choose(self, device: Device) -> None:
        """Capture a device, at 16 kHz if possible, else at its own rate."""
        if self.channels > device.channels:
            there = counted(device.channels, "channel")
            raise DeviceError(f"The input '{device.name}' has {there}, but {self.channels} were asked for.")
        library = port_audio()
        for rate in (SAMPLE_RATE, device.sample_rate):
            try:
                library.check_input_settings(device.index, self.channels, "float32", samplerate=rate)
            except library.PortAudioError as error:
                refusal = error
            else:
                self._device, self.name, self.rate = device, device.name, rate
                return
        raise DeviceError(_refusal(device.name, refusal)) from refusal

    def _release(self) -> None:
        if self._stream is not None:
            self._stream.abort(ignore_errors=True)
            self._stream.close(ignore_errors=True)


def _refusal(name: str, error: Exception) -> str:
    return f"The input '{name}' cannot be opened ({error}); another program may be using it, or it has gone."
