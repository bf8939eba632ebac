"""A bounded queue between two threads that can be closed from either end."""

from collections import deque
from collections.abc import Callable
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


class ClosableQueue(Generic[T]):
    """Carries items in order from one thread to another.

    The producer *closes* it after its last item: the rest can still be got. The consumer *cancels* it when
    it will get no more: the producer is told at once, also while it waits for room. If each thread of a pipeline,
    however it ends, cancels what it got from and closes what it put into, then none waits for another that has gone.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._changed = Condition()
        self._idle_consumers = 0
        self._closed = False

    def __len__(self) -> int:
        """Number of waiting items."""
        with self._changed:
            return len(self._items)

    @property
    def has_room(self) -> bool:
        """Whether several more items can be put without waiting: half of the room is free, or nothing is accepted."""
        with self._changed:
            return self._closed or len(self._items) <= self._capacity // 2

    def put(self, item: T) -> bool:
        """Append an item, waiting for room; false once the queue is closed or cancelled."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._capacity)
            return self._append(item)

    def put_dropping(self, item: T) -> tuple[bool, T | None]:
        """Append an item at once, instead of the oldest if full: whether it was accepted, and what was dropped."""
        with self._changed:
            full = not self._closed and len(self._items) >= self._capacity
            dropped = self._items.popleft() if full else None
            return self._append(item), dropped

    def try_put(self, item: T) -> bool:
        """Append an item only if the consumer waits for one right now; never waits itself."""
        with self._changed:
            return not self._items and self._idle_consumers > 0 and self._append(item)

    def get(self, patience_s: float | None = None) -> T | None:
        """Remove the oldest item, waiting so long for one; `None` where none came, or when there will be no more."""
        with self._changed:
            self._idle_consumers += 1
            self._changed.wait_for(lambda: self._closed or self._items, patience_s)
            self._idle_consumers -= 1
            return self._pop()

    def get_if(self, wanted: Callable[[T], bool]) -> T | None:
        """Remove the oldest item if there is one and it is wanted; never waits."""
        with self._changed:
            return self._pop() if self._items and wanted(self._items[0]) else None

    def close(self) -> None:
        """Accept nothing more; what is there can still be got."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def cancel(self) -> list[T]:
        """Accept nothing more, and hand out nothing more; what was left in it."""
        with self._changed:
            self._closed = True
            left = list(self._items)
            self._items.clear()
            self._changed.notify_all()
            return left

    @property
    def closed(self) -> bool:
        """Whether nothing is accepted any more, since it was closed or cancelled."""
        return self._closed

    def _append(self, item: T) -> bool:
        if self._closed:
            return False
        self._items.append(item)
        self._changed.notify_all()
        return True

    def _pop(self) -> T | None:
        if not self._items:
            return None
        item = self._items.popleft()
        self._changed.notify_all()
        return item
