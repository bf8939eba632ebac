"""The log of events, which programs and pages follow: bounded, and never slowed down by a slow reader."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from threading import Lock

_KEPT = 4_096
_WAITING = 1_024
_HEARTBEAT_S = 15.0
_NOTHING = ": \n\n"

PLACES = 1_000
"""More than a server has replicas; their events' numbers divided by it leave their places."""


class _Reader:
    """One reader's place in the log. It belongs to the event loop."""

    def __init__(self, last: int) -> None:
        """Begin behind the event of this number."""
        self._last = last
        self._texts: deque[str] = deque()
        self._now = ""
        self._changed = asyncio.Event()
        self._ended = False

    def put(self, number: int, text: str) -> None:
        """Have an event sent that was not yet; a reader that is far behind is given up."""
        if number > self._last:
            self._last = number
            if len(self._texts) < _WAITING:
                self._texts.append(text)
            else:
                self._ended = True
            self._changed.set()

    def show(self, text: str) -> None:
        """Have the present state sent, instead of an older one that was not sent yet."""
        self._now = text
        self._changed.set()

    def end(self) -> None:
        """Send nothing more."""
        self._ended = True
        self._changed.set()

    async def next(self) -> str | None:
        """All that is to be sent, or after a while that there is nothing; `None` at the end."""
        try:
            await asyncio.wait_for(self._changed.wait(), _HEARTBEAT_S)
        except asyncio.TimeoutError:
            return _NOTHING
        self._changed.clear()
        if self._ended:
            return None
        text = "".join(self._texts) + self._now
        self._texts.clear()
        self._now = ""
        return text


class EventLog:
    """The last events, numbered, and those who follow them.

    Numbers increase, also over a restart of the program: the first is the time in milliseconds. Replicas of one server
    number their events in steps of `PLACES`, so that a number tells whose it is.

    Attributes:
        place: That of a replica among the others, or `None`.
    """

    def __init__(self, place: int | None = None) -> None:
        self.place = place
        self._step = 1 if place is None else PLACES
        self._lock = Lock()
        self._events: deque[tuple[int, str]] = deque(maxlen=_KEPT)
        self._next = round(time.time() * 1000) * self._step + (place or 0)
        self._readers: set[_Reader] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def last_id(self) -> int:
        """The number of the last event."""
        return self._next - self._step

    @property
    def followed(self) -> int:
        """Number of readers."""
        return len(self._readers)

    def add(self, kind: str, values: Mapping[str, object]) -> None:
        """Add an event. From any thread."""
        with self._lock:
            number, self._next = self._next, self._next + self._step
            text = _server_sent(kind, values, number)
            self._events.append((number, text))
            if self._loop is not None:
                with suppress(RuntimeError):  # it has ended
                    self._loop.call_soon_threadsafe(self._tell, number, text)

    async def follow(self, after: int | None) -> AsyncGenerator[str, None]:
        """What a reader is sent, in its event loop, from behind the event that it knew last, or from now on.

        It first gets what it has missed, or `reset` where that is not known any more.
        """
        reader = self._reader(after)
        try:
            yield _NOTHING
            while (text := await reader.next()) is not None:
                yield text
        finally:
            self._readers.discard(reader)

    def _reader(self, after: int | None) -> _Reader:
        with self._lock:
            self._loop = asyncio.get_running_loop()
            last = self._next - self._step
            first = self._events[0][0] if self._events else self._next
            if after is None:
                reader = _Reader(last)
            elif first - self._step <= after <= last and (last - after) % self._step == 0:
                reader = _Reader(after)
                reader.put(last, "".join(text for number, text in self._events if number > after))
            else:
                reader = _Reader(last - 1)
                reader.put(last, _server_sent("reset", {}, last))
            self._readers.add(reader)
            return reader

    def show(self, values: Mapping[str, object]) -> None:
        """Show all readers the present state, which is not stored. In the event loop."""
        text = _server_sent("now", values)
        for reader in self._readers:
            reader.show(text)

    def end(self) -> None:
        """Let all readers go. In the event loop."""
        for reader in self._readers:
            reader.end()

    def _tell(self, number: int, text: str) -> None:
        for reader in self._readers:
            reader.put(number, text)


def _server_sent(kind: str, values: Mapping[str, object], number: int | None = None) -> str:
    """An event as `text/event-stream` writes it (HTML standard, "Server-sent events")."""
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {kind}\ndata: {json.dumps(values, ensure_ascii=False, allow_nan=False)}\n\n"
