"""Plain 16-bit PCM, as raw frames of little-endian samples, channels interleaved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from monitor.serve.messages import Message, ProtocolError, Sound, Start

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BYTES = 2
_LOWEST_RATE, _HIGHEST_RATE = 4_000, 192_000
_MOST_CHANNELS = 8


class PcmDecoder:
    """One stream's frames, which may be cut anywhere."""

    def __init__(self, call: str, rate: int, channels: int) -> None:
        """Prepare.

        Args:
            call: The sender's name of the call.
            rate: Samples per second.
            channels: How many are interleaved.

        Raises:
            ProtocolError: The rate or the number of channels cannot be.
        """
        if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
            raise ProtocolError(f"The rate is {rate} Hz; it has to be within {_LOWEST_RATE} and {_HIGHEST_RATE}.")
        if not 1 <= channels <= _MOST_CHANNELS:
            raise ProtocolError(f"The sound has {channels} channels; they have to be 1 to {_MOST_CHANNELS}.")
        self._start: Start | None = Start(call, rate, tuple(range(channels)))
        self._channels = channels
        self._held = b""
        self._sent = 0

    def feed(self, data: bytes | str) -> Sequence[Message]:
        """Take the next bytes."""
        if isinstance(data, str):
            raise ProtocolError("A text came; the sound has to be binary frames.")
        held = self._held + data
        whole = len(held) // (_BYTES * self._channels) * _BYTES * self._channels
        self._held = held[whole:]
        if not whole:
            return ()
        started, self._start = self._start, None
        sound = Sound(0, samples_of(held[:whole], self._channels), start=self._sent)
        self._sent += sound.samples.shape[1]
        return (sound,) if started is None else (started, sound)


def samples_of(data: bytes, channels: int = 1) -> NDArray[np.float32]:
    """float32 [channels, n] in −1…1 of whole 16-bit little-endian samples."""
    values = np.frombuffer(data, dtype="<i2").reshape(-1, channels)
    return np.ascontiguousarray(values.T, dtype=np.float32) / np.float32(32768.0)
