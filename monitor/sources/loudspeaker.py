"""Lets a recording be heard while it is replayed: a source around a source, whose blocks sound as they pass."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import numpy as np

from monitor.flow import SAMPLE_RATE
from monitor.sources.devices import port_audio
from stser_core.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import sounddevice

    from monitor.flow import AudioBlock
    from monitor.sources import Source

_MOST_CHANNELS = 2
_BUFFER_S = 0.5
"""What the output may hold: a block that comes late must not be heard as a hole."""
_CUSHION_S = 0.2
"""Silence that sounds first, so that blocks that come in real time are never late."""


class Output(Protocol):
    """Where sound goes."""

    def play(self, block: AudioBlock) -> None:
        """Sound a block; may wait until there is room.

        Raises:
            DeviceError: The output has gone.
        """
        ...

    def close(self) -> None:
        """Stop sounding."""
        ...


class Audible:
    """A source that is heard: its blocks go to an output first, then on.

    An output that goes away is no reason to stop: the rest passes unheard.
    """

    live = False

    def __init__(self, source: Source, output: Output, lost: Callable[[str], None]) -> None:
        """Wrap a source.

        Args:
            source: What is replayed.
            output: Where it sounds; closed at the end.
            lost: Told once, in a sentence, when the output goes away.
        """
        self._source = source
        self._output = output
        self._lost = lost
        self.name = source.name
        self.channels = source.channels
        self.duration_s = source.duration_s

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the source's blocks, each as it begins to sound."""
        audible = True
        try:
            for block in self._source.blocks():
                if audible:
                    audible = self._sound(block)
                yield block
        finally:
            self._output.close()

    def stop(self) -> None:
        """Make `blocks` end soon."""
        self._source.stop()

    def _sound(self, block: AudioBlock) -> bool:
        try:
            self._output.play(block)
        except DeviceError as error:
            self._lost(str(error))
            return False
        return True


class Loudspeaker:
    """The system's default output, through PortAudio."""

    def __init__(self, channels: int) -> None:
        """Open the output for a recording of so many channels; more than two are mixed into one.

        Raises:
            DeviceError: There is no output, or it cannot be opened.
        """
        self._library = port_audio()
        self._mixed = channels > _MOST_CHANNELS
        played = 1 if self._mixed else channels
        try:
            self._stream: sounddevice.OutputStream = self._library.OutputStream(
                samplerate=SAMPLE_RATE, channels=played, dtype="float32", latency=_BUFFER_S
            )
            self._stream.start()
            self._silence(_CUSHION_S)
        except self._library.PortAudioError as error:
            raise DeviceError(f"There is no output to play to ({_reason(error)}).") from error

    def play(self, block: AudioBlock) -> None:
        """Sound a block, waiting until the output takes it.

        Raises:
            DeviceError: The output has gone.
        """
        samples = block.samples.mean(axis=0, keepdims=True) if self._mixed else block.samples
        try:
            self._stream.write(samples.T.copy())
        except self._library.PortAudioError as error:
            raise DeviceError(f"The output has gone ({_reason(error)}); the rest is not heard.") from error

    def close(self) -> None:
        """Stop when what has been played was heard: PortAudio's own waiting loses what the output still holds."""
        with suppress(self._library.PortAudioError):
            self._silence(self._stream.latency + _CUSHION_S)
        self._stream.stop(ignore_errors=True)
        self._stream.close(ignore_errors=True)

    def _silence(self, seconds: float) -> None:
        self._stream.write(np.zeros((round(seconds * SAMPLE_RATE), self._stream.channels), dtype=np.float32))


def _reason(error: Exception) -> str:
    return str(error).partition("[")[0].strip().rstrip(".") or type(error).__name__
