"""Carries the sound of media streams into lines until calls end, each in the task of its websocket or AudioSocket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from socket import socket
from typing import TypeAlias

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from monitor.serve.lines import BROKEN, ENDED, IDLE, LOST, STOPPED, Line, Lines, RefusedError
from monitor.serve.protocols import (
    AudioSocketDecoder,
    Decoder,
    End,
    PcmDecoder,
    ProtocolError,
    Sound,
    Start,
    TwilioDecoder,
)
from monitor.serve.security import MESSAGE_BYTES, Access, DeniedError, Pace
from stser_core.errors import StserError

_READ_BYTES = 1 << 12
_BACKLOG = 128
_LONGEST_NAME = 40
_CLOSE_PATIENCE_S = 20.0
_OK, _AGAIN_LATER = 1000, 1013
_CODES: dict[type[StserError], int] = {ProtocolError: 1003, DeniedError: 1008}
"""Codes with which a websocket is closed (RFC 6455, section 7.4.1)."""

Receiver: TypeAlias = Callable[[], Awaitable["bytes | str | End | None"]]
"""Waits for the next piece of a stream; `None` where the connection went away, `End` where it was closed in order."""


@dataclass(eq=False)
class Stream:
    """A media stream that is connected."""

    decoder: Decoder
    receive: Receiver
    source: str  # the protocol's name
    allowed: bool = True  # whether its sender may send; else its start message has to bring the token
    speakers: Sequence[str] = ()  # who is on its channels, where the sender says so
    line: Line | None = None  # from its first sound on
    last_s: float = field(default_factory=time.monotonic)  # when sound came last
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)  # is cancelled to give it up

    def end(self, reason: str) -> None:
        """End its line, for the first reason that is given."""
        if self.line is not None:
            self.line.end(reason)


class Media:
    """Carries the sound of media streams into lines."""

    def __init__(self, lines: Lines, access: Access) -> None:
        self._lines = lines
        self._access = access
        self._limits, self._metrics = lines.shared.limits, lines.shared.metrics
        self._streams: set[Stream] = set()

    def end_idle(self) -> None:
        """Give up connections from which no sound comes."""
        earliest_s = time.monotonic() - self._limits.idle_s
        for stream in self._streams:
            if stream.last_s < earliest_s:
                stream.scope.cancel()

    async def twilio(self, socket: WebSocket) -> None:
        """Carry a stream of Twilio or Telnyx."""
        path, query = socket.scope["path"], socket.scope["query_string"].decode("latin-1")
        signed = self._access.twilio_signed(socket.headers, path, query)
        tracks = socket.query_params.get("tracks")
        decoder = TwilioDecoder(None if tracks is None else tracks.split(","))
        allowed = signed or self._access.allows(socket.headers, socket.query_params)
        await self._carry_socket(socket, decoder, "twilio", allowed)

    async def pcm(self, socket: WebSocket) -> None:
        """Carry plain samples."""
        query = socket.query_params
        rate, channels = _number(query.get("rate", "16000")), _number(query.get("channels", "1"))
        speakers = [name.strip() for name in query["speakers"].split(",")] if "speakers" in query else []
        if speakers and len(speakers) != channels:
            raise ProtocolError(f"{len(speakers)} speakers are named, but the sound has {channels} channels.")
        if not all(name.isprintable() and 0 < len(name) <= _LONGEST_NAME for name in speakers):
            raise ProtocolError(f"A speaker's name has to have 1 to {_LONGEST_NAME} printable characters.")
        decoder = PcmDecoder(query.get("call", ""), rate, channels)
        await self._carry_socket(socket, decoder, "pcm", allowed=True, speakers=speakers)

    async def _carry_socket(
        self, socket: WebSocket, decoder: Decoder, source: str, allowed: bool, speakers: Sequence[str] = ()
    ) -> None:
        with suppress(WebSocketDisconnect):  # `receive` tells of it
            await socket.accept()

        async def receive() -> bytes | str | End | None:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return End() if message.get("code") in (1000, 1001) else None
            data: bytes | str = message.get("bytes") or message.get("text") or b""
            if len(data) > MESSAGE_BYTES:  # which Ray does not bound
                raise ProtocolError("A message is too long.")
            return data

        code, sentence = _OK, ""
        try:
            await self._carry(Stream(decoder, receive, source, allowed, speakers))
        except StserError as error:
            code, sentence = _CODES.get(type(error), _AGAIN_LATER), str(error)
            self._metrics.refuse(source, sentence)
        with anyio.move_on_after(_CLOSE_PATIENCE_S):
            with suppress(RuntimeError, WebSocketDisconnect):  # it is closed already
                await socket.close(code, sentence.encode()[:120].decode(errors="ignore"))

    async def listen(self, audiosocket: socket, allowed: Callable[[str], bool]) -> asyncio.Server:
        """Carry the streams of Asterisk that come from allowed addresses."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            address = writer.get_extra_info("peername")
            try:
                if address is not None and allowed(str(address[0])):
                    await self._carry_audiosocket(reader)
            finally:
                writer.close()

        return await asyncio.start_server(connected, sock=audiosocket, backlog=_BACKLOG)

    async def _carry_audiosocket(self, reader: asyncio.StreamReader) -> None:
        async def receive() -> bytes | None:
            try:
                return await reader.read(_READ_BYTES) or None
            except OSError:
                return None

        try:
            await self._carry(Stream(AudioSocketDecoder(), receive, "audiosocket"))
        except StserError as error:
            self._metrics.refuse("audiosocket", str(error))

    async def _carry(self, stream: Stream) -> None:
        """Carry one stream to its end.

        Raises:
            ProtocolError: What came is not of the protocol.
            DeniedError: The start message has not the token.
            RefusedError: The line is not taken.
        """
        if len(self._streams) >= 2 * self._limits.lines:
            raise RefusedError("There are too many streams.")
        self._streams.add(stream)
        try:
            with stream.scope:
                await self._feed(stream)
            if stream.scope.cancelled_caught:
                stream.end(IDLE)
        except asyncio.CancelledError:
            stream.end(STOPPED)
            raise
        except ProtocolError:
            stream.end(BROKEN)
            raise
        finally:
            stream.end(LOST)
            self._streams.discard(stream)

    async def _feed(self, stream: Stream) -> None:
        pace = Pace(self._limits)
        start: Start | None = None
        while (data := await stream.receive()) is not None:
            for message in (data,) if isinstance(data, End) else stream.decoder.feed(data):
                match message:
                    case Start():
                        if not (stream.allowed or self._access.knows(message.token)):
                            raise DeniedError("token", "The token is missing or wrong.")
                        start = message
                    case Sound() if start is not None:
                        stream.last_s = time.monotonic()
                        if stream.line is None:
                            opening = partial(self._lines.open, start, stream.source, stream.speakers)
                            stream.line = await anyio.to_thread.run_sync(opening)
                        stream.line.take(message)
                    case End():
                        stream.end(ENDED)
                        return
            if (wait_s := pace.wait_s()) > 0:
                await asyncio.sleep(wait_s)
            if stream.line is None:
                continue
            while (wait_s := stream.line.early_s) > 0:
                stream.last_s = time.monotonic()
                await asyncio.sleep(wait_s)
            if stream.line.reason is not None:
                return


def _number(given: str) -> int:
    if not (given.isascii() and given.isdecimal() and len(given) < 10):
        raise ProtocolError(f"'{given}' is not a number of at most nine digits.")
    return int(given)
