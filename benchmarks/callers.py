"""Calls in real time: recordings sent to `stser-monitor serve` as telephone systems and other programs send them.

Any number of calls run in one event loop, each on a schedule of its own, so that none waits for another.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

import av
import numpy as np
from websockets.asyncio.client import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from websockets.asyncio.client import ClientConnection

RATE = 8_000
"""Samples per second of a telephone call."""
FRAME_S = 0.02
"""Seconds of sound in a frame, as telephone systems send them."""
_FRAME = round(RATE * FRAME_S)
_PCM_FRAMES = 5
"""Frames that are sent together as plain PCM."""
_TRACKS = ("inbound", "outbound")
_HANG_UP, _IDENTITY, _SLIN = 0x00, 0x01, 0x10


@dataclass(frozen=True, eq=False)
class Sound:
    """The sound of a call, encoded once for all the calls that play it."""

    samples: NDArray[np.int16]  # [channels, n], 8 kHz

    @classmethod
    def read(cls, path: str | Path) -> Sound:
        """Decode a recording."""
        pieces: list[NDArray[np.int16]] = []
        with av.open(path) as container:
            stream = container.streams.audio[0]
            resampler = av.AudioResampler("s16p", stream.layout, RATE)
            for frame in (*container.decode(stream), None):
                pieces += [piece.to_ndarray().astype(np.int16) for piece in resampler.resample(frame)]
        return cls(np.concatenate(pieces, axis=1))

    @property
    def channels(self) -> int:
        """How many there are."""
        return len(self.samples)

    @property
    def frames(self) -> int:
        """How many whole frames there are."""
        return int(self.samples.shape[1]) // _FRAME

    def pcm(self, frame: int) -> bytes:
        """A frame as 16-bit samples, channels interleaved."""
        start = frame * _FRAME
        return self.samples[:, start : start + _FRAME].T.astype("<i2").tobytes()

    def mu_law(self, channel: int, frame: int) -> str:
        """A frame of one channel as G.711 µ-law in Base64."""
        start = frame * _FRAME
        return base64.b64encode(self._mu_law[channel][start : start + _FRAME]).decode()

    @cached_property
    def _mu_law(self) -> tuple[bytes, ...]:
        return tuple(map(mu_law, self.samples))


def mu_law(samples: NDArray[np.int16]) -> bytes:
    """Encode int16 [n] by ITU-T G.711 µ-law, as `audio/x-mulaw` has it."""
    encoder = av.AudioCodecContext.create("pcm_mulaw", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "s16"
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="s16", layout="mono")
    frame.sample_rate = RATE
    return b"".join(bytes(packet) for packet in encoder.encode(frame))


class Caller(Protocol):
    """One connection to the server."""

    async def send(self, sound: Sound, frame: int) -> None:
        """Send a frame."""

    async def hang_up(self) -> None:
        """End the call as its protocol has it."""

    def die(self) -> None:
        """End the connection without a word."""


class Twilio:
    """Sends as Twilio Media Streams do: JSON, µ-law, a message for each track."""

    def __init__(self, socket: ClientConnection, stream: str, call: str) -> None:
        self._socket, self._stream, self._call = socket, stream, call
        self._sequence = 0

    @classmethod
    @asynccontextmanager
    async def call(cls, server: str, call: str, channels: int = 1) -> AsyncIterator[Twilio]:
        """Begin a call with an id, with one channel for the caller alone or two for both sides.

        The server is such as `ws://127.0.0.1:8765`; a query with a token may follow.
        """
        base, _, query = server.partition("?")
        async with connect(f"{base}/media/twilio?{query}", compression=None) as socket:
            made = cls(socket, f"MZ{uuid.uuid4().hex}", call)
            await made._message("connected", protocol="Call", version="1.0.0")
            about = {
                "accountSid": f"AC{0:032}",
                "callSid": call,
                "streamSid": made._stream,
                "tracks": _TRACKS[:channels],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1},
                "customParameters": {},
            }
            await made._message("start", start=about)
            yield made

    async def send(self, sound: Sound, frame: int) -> None:
        """Send a frame of each track."""
        stamp = {"chunk": str(frame + 1), "timestamp": str(round(1000 * frame * FRAME_S))}
        for channel, track in enumerate(_TRACKS[: sound.channels]):
            await self._message("media", media={"track": track, **stamp, "payload": sound.mu_law(channel, frame)})

    async def hang_up(self) -> None:
        """Send `stop` and close."""
        await self._message("stop", stop={"accountSid": f"AC{0:032}", "callSid": self._call})
        await self._socket.close()

    def die(self) -> None:
        """Break the connection off."""
        self._socket.transport.abort()

    async def _message(self, event: str, **content: object) -> None:
        identity = {} if event == "connected" else {"sequenceNumber": str(self._sequence), "streamSid": self._stream}
        self._sequence += 1
        await self._socket.send(json.dumps({"event": event, **identity, **content}))


class Pcm:
    """Sends plain 16-bit samples, a tenth of a second at a time."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._waiting = socket, b""

    @classmethod
    @asynccontextmanager
    async def call(
        cls, server: str, call: str, channels: int = 1, speakers: Sequence[str] = ("customer", "agent")
    ) -> AsyncIterator[Pcm]:
        """Begin a call; the arguments as for `Twilio.call`, and the channels' names."""
        base, _, query = server.partition("?")
        names = ",".join(quote(name, safe="") for name in speakers[:channels])
        about = f"rate={RATE}&channels={channels}&speakers={names}&call={quote(call, safe='')}"
        async with connect(f"{base}/media/pcm?{about}&{query}".rstrip("&"), compression=None) as socket:
            yield cls(socket)

    async def send(self, sound: Sound, frame: int) -> None:
        """Send a frame, or keep it until there are some more."""
        self._waiting += sound.pcm(frame)
        if (frame + 1) % _PCM_FRAMES == 0:
            await self._flush()

    async def hang_up(self) -> None:
        """Send the rest and close."""
        await self._flush()
        await self._socket.close()

    def die(self) -> None:
        """Break the connection off."""
        self._socket.transport.abort()

    async def _flush(self) -> None:
        if self._waiting:
            await self._socket.send(self._waiting)
            self._waiting = b""


class AudioSocket:
    """Sends as Asterisk's AudioSocket does: a type, a length and the first channel's samples, over TCP."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    @classmethod
    @asynccontextmanager
    async def call(cls, host: str, port: int, call: uuid.UUID) -> AsyncIterator[AudioSocket]:
        """Begin a call, whose id is the UUID."""
        reader, writer = await asyncio.open_connection(host, port)
        listening = asyncio.create_task(_read_all(reader))  # Asterisk takes what it is sent
        try:
            made = cls(writer)
            await made._message(_IDENTITY, call.bytes)
            yield made
        finally:
            listening.cancel()
            writer.close()

    async def send(self, sound: Sound, frame: int) -> None:
        """Send a frame."""
        start = frame * _FRAME
        await self._message(_SLIN, sound.samples[0, start : start + _FRAME].astype("<i2").tobytes())

    async def hang_up(self) -> None:
        """Send the message that ends a call."""
        await self._message(_HANG_UP, b"")
        self._writer.close()

    def die(self) -> None:
        """Break the connection off."""
        self._writer.transport.abort()

    async def _message(self, kind: int, payload: bytes) -> None:
        self._writer.write(bytes([kind]) + len(payload).to_bytes(2, "big") + payload)
        await self._writer.drain()


async def _read_all(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass


@dataclass
class Played:
    """How a call went."""

    began_at: float = field(default_factory=time.monotonic)  # when its first frame was due
    frames: int = 0  # that were sent
    latest_s: float = 0.0  # by how much the latest of them was late: the machine or the server was too slow


async def play(caller: Caller, sound: Sound, seconds: float | None = None, *, start: int = 0) -> Played:
    """Send a sound at its own speed from a frame on, over and over for so many seconds, or all of it once.

    Raises `OSError` or `websockets.ConnectionClosed` where the server broke the connection off.
    """
    done = Played()
    for number in range(sound.frames if seconds is None else round(seconds / FRAME_S)):
        due = done.began_at + (number + 1) * FRAME_S  # a frame is there when its last sample has been spoken
        late = time.monotonic() - due
        if late < 0:
            await asyncio.sleep(-late)
        done.latest_s = max(done.latest_s, late)
        await caller.send(sound, (start + number) % sound.frames)
        done.frames += 1
    return done
