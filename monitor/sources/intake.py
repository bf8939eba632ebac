"""Between the system's thread, which must never wait, and whoever reads a microphone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

_CAPACITY = 64


@dataclass(frozen=True, eq=False)
class Piece:
    """What the device delivered at once.

    Attributes:
        samples: float32 [channels, n] at the device's own rate.
        arrived_s: When the last of them arrived, on the system's clock.
        dropped: Samples before them for which there was no room.
        overflowed: Whether the device lost samples before them; it does not say how many.
    """

    samples: NDArray[np.float32]
    arrived_s: float
    dropped: int = 0
    overflowed: bool = False


class Intake:
    """A bounded queue of pieces that drops and counts what does not fit.

    Attributes:
        overflows: How often sound was lost.
        last_s: When the last piece arrived, or when the device was opened.
        delivered: Whether any piece has arrived.
    """

    def __init__(self, clock: Callable[[], float], capacity: int = _CAPACITY) -> None:
        """Hold so many pieces, and tell the time of their arrival by `clock`."""
        self._clock = clock
        self._pieces: Queue[Piece | None] = Queue(capacity)
        self._dropped = 0
        self._overflowed = False
        self._ended = Event()
        self._left = Event()
        self.overflows = 0
        self.last_s = clock()
        self.delivered = False

    def hear(self, samples: NDArray[np.float32], overflowed: bool) -> None:
        """Copy a piece and queue it; called by the system's thread only.

        Args:
            samples: float32 [n, channels].
            overflowed: Whether the device lost samples before these.
        """
        if self._left.is_set():
            return
        self.last_s = self._clock()
        self.delivered = True
        self.overflows += overflowed
        self._overflowed |= overflowed
        try:
            self._pieces.put_nowait(Piece(samples.T.copy(), self.last_s, self._dropped, self._overflowed))
        except Full:
            self.overflows += 1
            self._dropped += len(samples)
        else:
            self._dropped = 0
            self._overflowed = False

    def end(self) -> None:
        """The device has gone; called by the system's thread."""
        self._ended.set()
        self._wake()

    def leave(self) -> None:
        """Accept nothing more; what is there can still be taken. From any thread."""
        self._left.set()
        self._wake()

    def take(self, patience_s: float) -> Piece | None:
        """The oldest piece, waited for no longer than this; `None` where none came, or something else happened."""
        with suppress(Empty):
            return self._pieces.get(block=not self._left.is_set(), timeout=patience_s)
        return None

    @property
    def ended(self) -> bool:
        """Whether the device has gone."""
        return self._ended.is_set()

    def _wake(self) -> None:
        with suppress(Full):
            self._pieces.put_nowait(None)
