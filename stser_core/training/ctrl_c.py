"""Ctrl-C while a model trains: noted, and acted on between two steps.

An exception raised by the signal itself could come anywhere, and where Python happens to be clearing up (a data
worker at the end of its epoch, say) it would be lost.
"""

from __future__ import annotations

import signal
from types import FrameType, TracebackType


class CtrlC:
    """Notes the first Ctrl-C; a second one interrupts at once, as usual.

    Attributes:
        pressed: Whether it was.
    """

    def __init__(self) -> None:
        self.pressed = False
        self._before = signal.getsignal(signal.SIGINT)

    def __enter__(self) -> CtrlC:
        if self._before is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.pressed = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
