"""The protocols of media streams: plain PCM, Asterisk's AudioSocket, and Media Streams of Twilio and Telnyx.

Each decoder is a `monitor.serve.messages.Decoder`. Formats:

* https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket/
* https://www.twilio.com/docs/voice/media-streams/websocket-messages
* https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
import numpy as np

from monitor.samples import from_pcm
from monitor.serve.messages import End, Message, ProtocolError, Sound, Start

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BYTES = 2
_LOWEST_RATE, _HIGHEST_RATE = 4_000, 192_000
_MOST_CHANNELS = 8
_FULL_SCALE = np.float32(32768)


class PcmDecoder:
    """Frames of 16-bit little-endian samples, channels interleaved, which may be cut anywhere."""

    def __init__(self, call: str, rate: int, channels: int) -> None:
        """Prepare.

        Raises:
            ProtocolError: The rate or the number of channels cannot be.
        """
        if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
            raise ProtocolError(f"The rate is {rate} Hz; it has to be between {_LOWEST_RATE} and {_HIGHEST_RATE}.")
        if not 1 <= channels <= _MOST_CHANNELS:
            raise ProtocolError(f"The sound has {channels} channels; they have to be 1 to {_MOST_CHANNELS}.")
        self._start: Start | None = Start(
            call, rate, tuple(range(channels)), decode=partial(from_pcm, channels=channels)
        )
        self._width = _BYTES * channels
        self._held = b""
        self._sent = 0

    def feed(self, data: bytes | str) -> Sequence[Message]:
        """Take the next bytes."""
        if isinstance(data, str):
            raise ProtocolError("A text came; the sound has to be binary frames.")
        held = self._held + data
        length = len(held) // self._width
        whole = length * self._width
        self._held = held[whole:]
        if not whole:
            return ()
        started, self._start = self._start, None
        sound = Sound(0, held[:whole], length, start=self._sent)
        self._sent += length
        return (sound,) if started is None else (started, sound)


_HANG_UP, _UUID, _ERROR = 0x00, 0x01, 0xFF
_SOUND_RATES = {
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
    """Messages of a type, a length and a payload, cut anywhere; further types, such as DTMF, are passed over."""

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
        return self._sound(self._call, _SOUND_RATES[kind], payload) if kind in _SOUND_RATES else ()

    def _sound(self, call: str, rate: int, payload: bytes) -> Sequence[Message]:
        if len(payload) % _BYTES:
            raise ProtocolError(f"A message with sound has {len(payload)} bytes, half a sample too many.")
        if self._rate not in (None, rate):
            raise ProtocolError(f"The sound's rate changes from {self._rate} to {rate} Hz.")
        started, self._rate = self._rate is not None, rate
        sound = Sound(0, payload, len(payload) // _BYTES, start=self._sent)
        self._sent += sound.length
        return (sound,) if started else (Start(call, rate), sound)


def _g711(inverted: int, a_law: bool) -> NDArray[np.float32]:
    """The samples that the 256 codes of a law stand for (ITU-T G.711), float32 in −1…1."""
    codes = np.arange(256) ^ inverted
    exponent, mantissa = codes >> 4 & 7, codes & 15
    if a_law:
        magnitude = np.where(exponent, (mantissa << 4) + 0x108 << np.maximum(exponent - 1, 0), (mantissa << 4) + 8)
    else:
        magnitude = 0x84 - ((mantissa << 3) + 0x84 << exponent)
    samples: NDArray[np.float32] = np.where(codes & 0x80, magnitude, -magnitude).astype(np.float32) / _FULL_SCALE
    return samples


MU_LAW, A_LAW = _g711(0xFF, a_law=False), _g711(0x55, a_law=True)
_TABLES = {"audio/x-mulaw": MU_LAW, "pcmu": MU_LAW, "audio/x-alaw": A_LAW, "pcma": A_LAW}

_TRACKS = ("inbound", "outbound")
"""The caller's sound, and the sound that the caller is sent: customer and agent, for a call that came in."""

_RATES = (8_000, 16_000)
_LARGEST = 1 << 53


class _Format(msgspec.Struct, rename="camel"):
    encoding: str = "audio/x-mulaw"
    sample_rate: int = _RATES[0]


class _SnakeFormat(msgspec.Struct):
    encoding: str = "PCMU"
    sample_rate: int = _RATES[0]


class _Start(msgspec.Struct):
    call_sid: str | None = msgspec.field(default=None, name="callSid")
    call_control_id: str | None = None
    tracks: list[str] | None = None
    parameters: dict[str, str] | None = msgspec.field(default=None, name="customParameters")
    format: _Format | None = msgspec.field(default=None, name="mediaFormat")
    snake_format: _SnakeFormat | None = msgspec.field(default=None, name="media_format")


class _Media(msgspec.Struct):
    payload: str
    track: str = _TRACKS[0]
    chunk: int | None = None
    timestamp: int | None = None


class _Message(msgspec.Struct):
    event: str
    start: _Start | None = None
    media: _Media | None = None


_DECODER = msgspec.json.Decoder(_Message, strict=False)  # the numbers come as texts


class TwilioDecoder:
    """JSON messages with µ-law or A-law sound in Base64; further events (`connected`, `dtmf`) are passed over."""

    def __init__(self, tracks: Sequence[str] | None = None) -> None:
        """Expect these tracks, where the start message may not say it, as Telnyx's does not; `None` for both.

        Raises:
            ProtocolError: One is unknown, or there is none.
        """
        self._expected = _tracks(_TRACKS if tracks is None else tracks)
        self._channels: Mapping[str, int] | None = None

    def feed(self, data: bytes | str) -> Sequence[Message]:
        """Take one message."""
        try:
            message = _DECODER.decode(data)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise ProtocolError(f"A message is not of Media Streams ({error}).") from error
        match message:
            case _Message("start", start=_Start() as start):
                return (self._started(start),)
            case _Message("media", media=_Media() as media):
                return self._sound(media)
            case _Message("stop"):
                return (End(),)
            case _Message("start" | "media"):
                raise ProtocolError(f"A message of the event {message.event} has no {message.event}.")
        return ()

    def _started(self, start: _Start) -> Start:
        if self._channels is not None:
            raise ProtocolError("A second start message came.")
        form = start.format or start.snake_format or _Format()
        if form.encoding.lower() not in _TABLES or form.sample_rate not in _RATES:
            raise ProtocolError(
                f"The sound is {form.encoding} of {form.sample_rate} Hz; it has to be µ-law (PCMU) or A-law (PCMA)."
            )
        table = _TABLES[form.encoding.lower()]
        tracks = self._expected if start.tracks is None else _tracks(start.tracks)
        self._channels = {track: channel for channel, track in enumerate(tracks)}
        places, parameters = tuple(map(_TRACKS.index, tracks)), start.parameters or {}
        call = start.call_sid or start.call_control_id or ""
        return Start(call, form.sample_rate, places, parameters.get("token"), partial(_expand, table))

    def _sound(self, media: _Media) -> Sequence[Sound]:
        if self._channels is None:
            raise ProtocolError("Sound came before the start message.")
        channel = self._channels.get(media.track.removesuffix("_track"))
        if channel is None:
            return ()
        try:
            payload = binascii.a2b_base64(media.payload)
        except (binascii.Error, ValueError) as error:
            raise ProtocolError(f"A payload is not Base64 ({error}).") from error
        return (Sound(channel, payload, len(payload), _checked(media.timestamp), _checked(media.chunk)),)


def _expand(table: NDArray[np.float32], codes: bytes) -> NDArray[np.float32]:
    samples: NDArray[np.float32] = table[np.frombuffer(codes, dtype=np.uint8)][None]
    return samples


def _tracks(given: Sequence[str]) -> tuple[str, ...]:
    names = {name.removesuffix("_track") for name in given}
    if not names or not names <= set(_TRACKS):
        raise ProtocolError(f"The tracks are {', '.join(given) or 'none'}; they can be {' and '.join(_TRACKS)}.")
    return tuple(track for track in _TRACKS if track in names)


def _checked(number: int | None) -> int | None:
    if number is not None and not 0 <= number < _LARGEST:
        raise ProtocolError(f"A frame's number or time stamp is {number}.")
    return number
