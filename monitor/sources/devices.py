"""The inputs that PortAudio knows: listing them, and finding the one that the user means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stser_core.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

DEFAULT = "mic"
"""The name of the system's default input."""

_LIST = "'stser-monitor devices' lists the inputs"


@dataclass(frozen=True)
class Device:
    """A microphone or another input: PortAudio's number of it, its own rate in Hz, and the interface, such as ALSA."""

    index: int
    name: str
    channels: int
    sample_rate: int
    default: bool
    host_api: str = ""


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


def look_again() -> None:
    """Start PortAudio again, since it looks for devices only then. No stream may be open.

    Raises:
        DeviceError: PortAudio is missing or does not start.
    """
    sounddevice = port_audio()
    try:
        # What the package has for this begins with an underscore; it offers nothing else.
        if sounddevice._initialized:
            sounddevice._terminate()
        sounddevice._initialize()
    except sounddevice.PortAudioError as error:
        raise DeviceError(f"PortAudio cannot look for devices ({error}).") from error


def find(device: str, among: Sequence[Device] | None = None) -> Device:
    """The input that the user means.

    Args:
        device: `mic` for the default input, an index, or part of a name in upper or lower case. A whole name goes
            before parts of names. Where a system reaches a device through several interfaces, the default input's
            is taken, unless the text names another behind a comma: `USB Microphone, Windows WASAPI`.
        among: The devices; `None` for all that PortAudio knows.

    Raises:
        DeviceError: None or several fit, with the names of those; or PortAudio is missing.
    """
    known = inputs() if among is None else among
    if not known:
        raise DeviceError("No input device was found; connect a microphone, or give '--device -' to read a pipe.")
    if device == DEFAULT:
        return _only([one for one in known if one.default], "No input is the system's default", known)
    if device.isdecimal():
        return _only([one for one in known if one.index == int(device)], f"No input has the index {device}", known)
    sought = device.casefold()
    whole = [one for one in known if sought in (one.name.casefold(), _full_name(one).casefold())]
    fitting = whole or [one for one in known if sought in _full_name(one).casefold()]
    if len(fitting) > 1:
        usual = {one.host_api for one in known if one.default}
        reached = [one for one in fitting if one.host_api in usual]
        fitting = reached if len(reached) == 1 else fitting
    return _only(fitting, f"No input has '{device}' in its name", known)


def _only(fitting: Sequence[Device], nothing: str, known: Sequence[Device]) -> Device:
    if not fitting:
        raise DeviceError(f"{nothing}; there are: {_listed(known)} ({_LIST}).")
    if len(fitting) > 1:
        raise DeviceError(f"Several inputs fit: {_listed(fitting)}; give more of the name, or the index ({_LIST}).")
    return fitting[0]


def _listed(devices: Sequence[Device]) -> str:
    return ", ".join(f"{one.index} '{_full_name(one)}'" for one in devices)


def _full_name(device: Device) -> str:
    return f"{device.name}, {device.host_api}" if device.host_api else device.name
