"""Carries the sound of media streams into lines, each stream in a task of the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import anyio

from monitor.serve.audiosocket import AudioSocketDecoder
from monitor.serve.lines import BROKEN, ENDED, IDLE, LOST, STOPPED, Line, Lines, RefusedError
from monitor.serve.messages import Decoder, End, ProtocolError, Sound, Start
from monitor.serve.security import Access, Limits, Pace
from stser_core.errors import StserError

if TYPE_CHECKING:
    from monitor.serve.metrics import Metrics

_READ_BYTES = 1 << 12

Receiver: TypeAlias = Callable[[], Awaitable["bytes | str | End | None"]]
"""Waits for the next piece of a stream; `None` where the connection went away, `End` where it was closed in order."""


@dataclass(eq=False)
class _Connection:
    """A media stream that is connected.

    Attributes:
        task: Reads it.
        last_s: When something came last.
        idle: Whether it was given up.
    """

    task: asyncio.Task[object]
    last_s: float = field(default_factory=time.monotonic)
    idle: bool = False


class Media:
    """Carries the sound of media streams into lines, each in the task of its connection."""

    def __init__(self, lines: Lines, access: Access, limits: Limits, metrics: Metrics) -> None:
        """Prepare.

        Args:
            lines: Where lines begin.
            access: Who may send.
            limits: Of each connection.
            metrics: Counts.
        """
        self._lines = lines
        self._access = access
        self._limits = limits
        self._metrics = metrics
        self._connections: set[_Connection] = set()

    async def carry(
        self, decoder: Decoder, receive: Receiver, source: str, *, allowed: bool = True, speakers: Sequence[str] = ()
    ) -> None:
        """Carry one stream to its end.

        Args:
            decoder: Of its protocol.
            receive: Gets what comes.
            source: The protocol's name.
            allowed: Whether its sender may send; else its start message has to bring the token.
            speakers: Who is on its channels, where the sender says so.

        Raises:
            ProtocolError: What came is not of the protocol.
            RefusedError: The line is not taken.
        """
        task = asyncio.current_task()
        assert task is not None
        if len(self._connections) >= 2 * self._limits.lines:
            raise RefusedError("There are too many streams.")
        connection = _Connection(task)
        self._connections.add(connection)
        carried = _Carried()
        try:
            await self._carry(decoder, receive, source, connection, carried, allowed=allowed, speakers=speakers)
        except asyncio.CancelledError:
            if not connection.idle:
                carried.end(STOPPED)
                raise
            carried.end(IDLE)
        except ProtocolError:
            carried.end(BROKEN)
            raise
        finally:
            carried.end(LOST)
            self._connections.discard(connection)

    async def _carry(
        self,
        decoder: Decoder,
        receive: Receiver,
        source: str,
        connection: _Connection,
        carried: _Carried,
        *,
        allowed: bool,
        speakers: Sequence[str],
    ) -> None:
        pace = Pace(self._limits)
        start: Start | None = None
        while (data := await receive()) is not None:
            for message in (data,) if isinstance(data, End) else decoder.feed(data):
                match message:
                    case Start():
                        if not (allowed or self._access.knows(message.token)):
                            raise RefusedError("The token is missing or wrong.")
                        start = message
                    case Sound() if start is not None:
                        connection.last_s = time.monotonic()
                        if carried.line is None:
                            opening = partial(self._lines.open, start, source, speakers)
                            carried.line = await anyio.to_thread.run_sync(opening)
                        carried.line.take(message)
                    case End():
                        carried.end(ENDED)
                        return
            if (wait_s := pace.wait_s()) > 0:
                await asyncio.sleep(wait_s)
            if carried.line is None:
                continue
            while (wait_s := carried.line.early_s) > 0:
                connection.last_s = time.monotonic()
                await asyncio.sleep(wait_s)
            if carried.line.reason is not None:
                return

    def end_idle(self) -> None:
        """Give up connections from which no sound comes."""
        now_s = time.monotonic()
        for connection in self._connections:
            if now_s - connection.last_s > self._limits.idle_s and not connection.idle:
                connection.idle = True
                connection.task.cancel()

    async def audiosocket(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry the stream of one AudioSocket connection."""

        async def receive() -> bytes | None:
            try:
                return await reader.read(_READ_BYTES) or None
            except OSError:
                return None

        try:
            await self.carry(AudioSocketDecoder(), receive, "audiosocket")
        except StserError as error:
            self._metrics.refuse("audiosocket", str(error))
        finally:
            writer.close()


@dataclass
class _Carried:
    """The line of a connection, once it has one."""

    line: Line | None = None

    def end(self, reason: str) -> None:
        """End it, for the first reason that is given."""
        if self.line is not None:
            self.line.end(reason)
