"""The inputs that PortAudio knows: what `stser-monitor devices` lists."""

from __future__ import annotations

from dataclasses import dataclass

from stser_core.errors import DeviceError


@dataclass(frozen=True)
class Device:
    """A microphone or another input.

    Attributes:
        index: PortAudio's number of it.
        name: Its name.
        channels: How many channels it can capture.
        sample_rate: Its own rate in Hz.
        default: Whether it is the system's default input.
    """

    index: int
    name: str
    channels: int
    sample_rate: int
    default: bool


def inputs() -> tuple[Device, ...]:
    """All devices that can capture, in PortAudio's order.

    Raises:
        DeviceError: PortAudio is missing or does not answer.
    """
    try:
        import sounddevice
    except OSError as error:
        raise DeviceError(
            "The PortAudio library is missing, so no microphone can be used; install it, on Debian and Ubuntu with "
            "'apt-get install libportaudio2'."
        ) from error
    try:
        found = sounddevice.query_devices()
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
        )
        for number, device in enumerate(found)
        if device["max_input_channels"] > 0
    )
