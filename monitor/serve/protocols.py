"""The protocols of media streams: plain PCM, Asterisk's AudioSocket, and Media Streams of Twilio and Telnyx.

A decoder makes messages of what comes through a connection, and knows no connection itself. Its `feed` raises
`ProtocolError` at what is not of its protocol. Formats:

* https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket/
* https://www.twilio.com/docs/voice/media-streams/websocket-messages
* https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, TypeAlias
from uuid import UUID

import msgspec
import numpy as np

from monitor.samples import from_pcm
from stser_core.errors import StserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BYTES = 2
_LOWEST_RATE, _HIGHEST_RATE = 4_000, 192_000
MOST_CHANNELS = 8
_FULL_SCALE = np.float32(32768)


class ProtocolError(StserError):
    """A stream that does not keep to its protocol; its connection is closed with this sentence."""


@dataclass(frozen=True)
class Start:
    """A stream begins."""

    call: str  # the sender's own name of the call; may be anything, also empty
    rate: int  # samples per second
    places: tuple[int, ...] = (0,)  # of its channels among the usual ones: 0 for the customer's, 1 for the agent's
    token: str | None = None  # the secret that came with the message, where the protocol has room for one
    # Makes float32 [channels, n] in −1…1 of the bytes of one frame, or of several in a row.
    decode: Callable[[bytes], NDArray[np.float32]] = field(default=from_pcm, compare=False)


@dataclass(frozen=True, eq=False)
class Sound:
    """A frame of sound."""

    channel: int  # the first of its channels, counted from 0
    data: bytes  # its samples as they came, for `Start.decode`
    length: int  # number of samples on each of its channels, at the stream's rate
    at_ms: int | None = None  # its time stamp on the sender's clock; `None` where it has none
    number: int | None = None  # its number in the order of sending, where the sender counts
    start: int = 0  # where it has no time stamp, the index of its first sample among all that were sent


@dataclass(frozen=True)
class End:
    """The sender has ended the call."""


Message: TypeAlias = Start | Sound | End


class PcmDecoder:
    """Frames of 16-bit little-endian samples, channels interleaved, which may be cut anywhere."""

    def __init__(self, call: str, rate: int, channels: int) -> None:
        """Raise `ProtocolError` where the rate or the number of channels cannot be."""
        if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
            raise ProtocolError(f"The rate is {rate} Hz; it has to be between {_LOWEST_RATE} and {_HIGHEST_RATE}.")
        if not 1 <= channels <= MOST_CHANNELS:
            raise ProtocolError(f"The sound has {channels} channels; they have to be 1 to {MOST_CHANNELS}.")
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
_SOUND_RATES = dict(enumerate((8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000), start=0x10))
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
        if (rate := _SOUND_RATES.get(kind)) is None:
            return ()
        if len(payload) % _BYTES:
            raise ProtocolError(
                f"A message with sound has {len(payload)} bytes, which are not whole samples of 16 bits."
            )
        if self._rate not in (None, rate):
            raise ProtocolError(f"The sound's rate changes from {self._rate} to {rate} Hz.")
        started, self._rate = self._rate is not None, rate
        sound = Sound(0, payload, len(payload) // _BYTES, start=self._sent)
        self._sent += sound.length
        return (sound,) if started else (Start(self._call, rate), sound)


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
_Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]


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
    payload: bytes  # comes in Base64
    track: str = _TRACKS[0]
    chunk: _Count | None = None
    timestamp: _Count | None = None


class _Message(msgspec.Struct):
    event: str
    start: _Start | None = None
    media: _Media | None = None


_DECODER = msgspec.json.Decoder(_Message, strict=False)  # the numbers come as texts


class TwilioDecoder:
    """JSON messages with µ-law or A-law sound in Base64; further events (`connected`, `dtmf`) are passed over."""

    def __init__(self, tracks: Sequence[str] | None = None) -> None:
        """Expect these tracks, or both, where the start message does not name them, as Telnyx's does not."""
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
                f"The sound is {form.encoding} of {form.sample_rate} Hz; it has to be µ-law (PCMU) or "
                "A-law (PCMA) of 8000 or 16000 Hz."
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
        return (Sound(channel, media.payload, len(media.payload), media.timestamp, media.chunk),)


def _expand(table: NDArray[np.float32], codes: bytes) -> NDArray[np.float32]:
    samples: NDArray[np.float32] = table[np.frombuffer(codes, dtype=np.uint8)][None]
    return samples


def _tracks(given: Sequence[str]) -> tuple[str, ...]:
    names = {name.removesuffix("_track") for name in given}
    if not names or not names <= set(_TRACKS):
        raise ProtocolError(f"The tracks are {', '.join(given) or 'none'}; they can be {' and '.join(_TRACKS)}.")
    return tuple(track for track in _TRACKS if track in names)


Decoder: TypeAlias = PcmDecoder | AudioSocketDecoder | TwilioDecoder
