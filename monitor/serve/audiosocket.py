"""Asterisk's AudioSocket: over TCP, messages of a type, a length and a payload.

Format: https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket/.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from monitor.serve.messages import End, Message, ProtocolError, Sound, Start
from monitor.serve.pcm import samples_of

_HANG_UP, _UUID, _ERROR = 0x00, 0x01, 0xFF
_RATES = {
    0x10: 8_000,
    0x11: 12_000,
    0x12: 16_000,
    0x13: 24_000,
    0x14: 32_000,
    0x15: 44_100,
    0x16: 48_000,
    0x17: 96_000,
    0x18: 192_000,
}
"""Signed linear sound, 16 bits, little-endian, mono: the rate of each type."""

_HEADER = 3
_UUID_BYTES = 16


class AudioSocketDecoder:
    """One connection's bytes, however they are cut; further types, such as DTMF, are passed over."""

    def __init__(self) -> None:
        self._held = b""
        self._call: str | None = None
        self._rate: int | None = None
        self._sent = 0

    def feed(self, data: bytes | str) -> Sequence[Message]:
        """Take the next bytes."""
        held = self._held + (data.encode() if isinstance(data, str) else data)
        messages: list[Message] = []
        place = 0
        while (start := place + _HEADER) <= len(held):
            end = start + int.from_bytes(held[place + 1 : start], "big")
            if end > len(held):
                break
            messages += self._message(held[place], held[start:end])
            place = end
        self._held = held[place:]
        return messages

    def _message(self, kind: int, payload: bytes) -> Sequence[Message]:
        if kind == _UUID:
            if self._call is not None or len(payload) != _UUID_BYTES:
                raise ProtocolError("A UUID has to come once, and to have 16 bytes.")
            self._call = str(UUID(bytes=payload))
            return ()
        if self._call is None:
            raise ProtocolError(f"A message of type {kind:#04x} came before the UUID.")
        if kind in (_HANG_UP, _ERROR):
            return (End(),)
        return self._sound(_RATES[kind], payload) if kind in _RATES else ()

    def _sound(self, rate: int, payload: bytes) -> Sequence[Message]:
        if len(payload) % 2:
            raise ProtocolError(f"A message with sound has {len(payload)} bytes, half a sample too many.")
        if self._rate not in (None, rate):
            raise ProtocolError(f"The sound's rate changes from {self._rate} to {rate} Hz.")
        sound = Sound(0, samples_of(payload), start=self._sent)
        self._sent += sound.samples.shape[1]
        if self._rate is not None:
            return (sound,)
        self._rate = rate
        return (Start(self._call or "", rate), sound)
