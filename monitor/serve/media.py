"""Carries the sound of media streams into lines, each stream in a task of the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import anyio

from monitor.serve.lines import BROKEN, ENDED, IDLE, LOST, STOPPED, Line, Lines, RefusedError
from monitor.serve.messages import Decoder, End, ProtocolError, Sound, Start
from monitor.serve.protocols import AudioSocketDecoder
from monitor.serve.security import Access, Pace
from stser_core.errors import StserError

_READ_BYTES = 1 << 12

Receiver: TypeAlias = Callable[[], Awaitable["bytes | str | End | None"]]
"""Waits for the next piece of a stream; `None` where the connection went away, `End` where it was closed in order."""


@dataclass(eq=False)
class Stream:
    """A media stream that is connected.

    Attributes:
        source: The protocol's name.
        allowed: Whether its sender may send; else its start message has to bring the token.
        speakers: Who is on its channels, where the sender says so.
        line: Its line, from its first sound on.
        last_s: When something came last.
        idle: Whether it was given up.
    """

    decoder: Decoder
    receive: Receiver
    source: str
    allowed: bool = True
    speakers: Sequence[str] = ()
    line: Line | None = None
    last_s: float = field(default_factory=time.monotonic)
    idle: bool = False
    task: asyncio.Task[object] | None = None

    def end(self, reason: str) -> None:
        """End its line, for the first reason that is given."""
        if self.line is not None:
            self.line.end(reason)


class Media:
    """Carries the sound of media streams into lines, each in the task of its connection."""

    def __init__(self, lines: Lines, access: Access) -> None:
        self._lines = lines
        self._access = access
        self._limits = lines.shared.limits
        self._streams: set[Stream] = set()

    async def carry(self, stream: Stream) -> None:
        """Carry one stream to its end.

        Raises:
            ProtocolError: What came is not of the protocol.
            RefusedError: The line is not taken.
        """
        if len(self._streams) >= 2 * self._limits.lines:
            raise RefusedError("There are too many streams.")
        stream.task = asyncio.current_task()
        self._streams.add(stream)
        try:
            await self._carry(stream)
        except asyncio.CancelledError:
            if not stream.idle:
                stream.end(STOPPED)
                raise
            stream.end(IDLE)
        except ProtocolError:
            stream.end(BROKEN)
            raise
        finally:
            stream.end(LOST)
            self._streams.discard(stream)

    async def _carry(self, stream: Stream) -> None:
        pace = Pace(self._limits)
        start: Start | None = None
        while (data := await stream.receive()) is not None:
            for message in (data,) if isinstance(data, End) else stream.decoder.feed(data):
                match message:
                    case Start():
                        if not (stream.allowed or self._access.knows(message.token)):
                            raise RefusedError("The token is missing or wrong.")
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

    def end_idle(self) -> None:
        """Give up connections from which no sound comes."""
        now_s = time.monotonic()
        for stream in self._streams:
            if now_s - stream.last_s > self._limits.idle_s and not stream.idle and stream.task is not None:
                stream.idle = True
                stream.task.cancel()

    async def audiosocket(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry the stream of one AudioSocket connection."""

        async def receive() -> bytes | None:
            try:
                return await reader.read(_READ_BYTES) or None
            except OSError:
                return None

        try:
            await self.carry(Stream(AudioSocketDecoder(), receive, "audiosocket"))
        except StserError as error:
            self._lines.shared.metrics.refuse("audiosocket", str(error))
        finally:
            writer.close()
