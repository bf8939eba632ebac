"""The log of events, which programs and pages follow: bounded, and never slowed down by a slow reader."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from threading import Lock

_KEPT = 4_096
_WAITING = 1_024

PLACES = 1_000
"""More than a server has replicas; their events' numbers divided by it leave their places."""


class Subscriber:
    """One reader's place in the log. It belongs to the event loop.

    Attributes:
        dropped: Whether the reader was too slow, and gets no more.
    """

    def __init__(self, last: int) -> None:
        """Begin behind the event of this number."""
        self._last = last
        self._texts: deque[str] = deque()
        self._now: str | None = None
        self._changed = asyncio.Event()
        self.dropped = False

    def put(self, number: int, text: str) -> None:
        """Have an event sent that was not yet; a reader that is far behind is given up."""
        if number <= self._last:
            return
        self._last = number
        self.dropped = self.dropped or len(self._texts) >= _WAITING
        if not self.dropped:
            self._texts.append(text)
        self._changed.set()

    def show(self, text: str) -> None:
        """Have the present state sent, instead of an older one that was not sent yet."""
        self._now = text
        self._changed.set()

    def end(self) -> None:
        """Send nothing more."""
        self.dropped = True
        self._changed.set()

    async def next(self, patience_s: float) -> str | None:
        """All that is to be sent, waited for no longer than this; empty where nothing came, `None` at the end."""
        try:
            await asyncio.wait_for(self._changed.wait(), patience_s)
        except asyncio.TimeoutError:
            return ""
        self._changed.clear()
        if self.dropped:
            return None
        text = "".join(self._texts) + (self._now or "")
        self._texts.clear()
        self._now = None
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
        self._subscribers: set[Subscriber] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def last_id(self) -> int:
        """The number of the last event."""
        return self._next - self._step

    @property
    def followed(self) -> int:
        """Number of subscribers."""
        return len(self._subscribers)

    def add(self, kind: str, values: Mapping[str, object]) -> None:
        """Add an event. From any thread."""
        with self._lock:
            number, self._next = self._next, self._next + self._step
            text = server_sent(kind, values, number)
            self._events.append((number, text))
            if self._loop is not None:
                with suppress(RuntimeError):  # it has ended
                    self._loop.call_soon_threadsafe(self._tell, number, text)

    def subscribe(self, after: int | None) -> Subscriber:
        """Follow the log, in its event loop, from behind the event that the reader knew last, or from now on.

        The subscriber first gets what it has missed, or `reset` where that is not known any more.
        """
        with self._lock:
            self._loop = asyncio.get_running_loop()
            last = self._next - self._step
            first = self._events[0][0] if self._events else self._next
            if after is None:
                subscriber = Subscriber(last)
            elif first - self._step <= after <= last and (last - after) % self._step == 0:
                subscriber = Subscriber(after)
                missed = "".join(text for number, text in self._events if number > after)
                subscriber.put(last, missed)
            else:
                subscriber = Subscriber(last - 1)
                subscriber.put(last, server_sent("reset", {}, last))
            self._subscribers.add(subscriber)
            return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        """Follow no longer."""
        self._subscribers.discard(subscriber)

    def show(self, values: Mapping[str, object]) -> None:
        """Show all subscribers the present state, which is not stored. In the event loop."""
        text = server_sent("now", values)
        for subscriber in self._subscribers:
            subscriber.show(text)

    def end(self) -> None:
        """Let all subscribers go. In the event loop."""
        for subscriber in self._subscribers:
            subscriber.end()

    def _tell(self, number: int, text: str) -> None:
        for subscriber in self._subscribers:
            subscriber.put(number, text)


def server_sent(kind: str, values: Mapping[str, object], number: int | None = None) -> str:
    """An event as `text/event-stream` writes it (HTML standard, "Server-sent events")."""
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {kind}\ndata: {json.dumps(values, ensure_ascii=False, allow_nan=False)}\n\n"
