"""Twilio's Media Streams, and Telnyx's, which have the same envelope: JSON with µ-law or A-law sound in Base64.

Formats: https://www.twilio.com/docs/voice/media-streams/websocket-messages and
https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from monitor.serve.g711 import A_LAW, MU_LAW
from monitor.serve.messages import End, Message, ProtocolError, Sound, Start

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRACKS = ("inbound", "outbound")
"""The caller's sound, and the sound that the caller is sent: customer and agent, for a call that came in."""

_TABLES = {"audio/x-mulaw": MU_LAW, "pcmu": MU_LAW, "audio/x-alaw": A_LAW, "pcma": A_LAW}
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
    track: str = TRACKS[0]
    chunk: int | None = None
    timestamp: int | None = None


class _Message(msgspec.Struct):
    event: str
    start: _Start | None = None
    media: _Media | None = None


_DECODER = msgspec.json.Decoder(_Message, strict=False)  # the numbers come as texts


class TwilioDecoder:
    """One stream's messages; further events (`connected`, `dtmf`, `mark`) are passed over."""

    def __init__(self, tracks: Sequence[str] | None = None) -> None:
        """Prepare.

        Args:
            tracks: Those that will come, where the start message may not say it, as Telnyx's does not; `None` for both.

        Raises:
            ProtocolError: One is unknown, or there is none.
        """
        self._expected = _tracks(TRACKS if tracks is None else tracks)
        self._channels: Mapping[str, int] | None = None
        self._table = MU_LAW

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
        self._table = _TABLES[form.encoding.lower()]
        tracks = self._expected if start.tracks is None else _tracks(start.tracks)
        self._channels = {track: channel for channel, track in enumerate(tracks)}
        parameters = start.parameters or {}
        return Start(
            call=start.call_sid or start.call_control_id or "",
            rate=form.sample_rate,
            places=tuple(TRACKS.index(track) for track in tracks),
            token=parameters.get("token"),
        )

    def _sound(self, media: _Media) -> Sequence[Sound]:
        if self._channels is None:
            raise ProtocolError("Sound came before the start message.")
        channel = self._channels.get(_track(media.track))
        if channel is None:
            return ()
        try:
            payload = binascii.a2b_base64(media.payload)
        except (binascii.Error, ValueError) as error:
            raise ProtocolError(f"A payload is not Base64 ({error}).") from error
        samples: NDArray[np.float32] = self._table[np.frombuffer(payload, dtype=np.uint8)]
        return (Sound(channel, samples[None], _checked(media.timestamp), _checked(media.chunk)),)


def _tracks(given: Sequence[str]) -> tuple[str, ...]:
    names = {_track(name) for name in given}
    if not names or not names <= set(TRACKS):
        raise ProtocolError(f"The tracks are {', '.join(given) or 'none'}; they can be {' and '.join(TRACKS)}.")
    return tuple(track for track in TRACKS if track in names)


def _track(name: str) -> str:
    return name.removesuffix("_track")


def _checked(number: int | None) -> int | None:
    if number is not None and not 0 <= number < _LARGEST:
        raise ProtocolError(f"A frame's number or time stamp is {number}.")
    return number
