"""Signals while recordings or microphones are heard: first finish what was heard, then stop at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_HANG_UP = getattr(signal, "SIGHUP", None)  # Windows has none
_STREAMS = (1, 2)
"""Standard output and standard error, as the system numbers them."""


class Interruption:
    """Takes the signals of the program while it is entered.

    The first signal asks for an orderly end, the second for an immediate one, and a third ends the process on the
    spot. The callbacks run in a thread of their own, since a handler interrupts the main thread
    anywhere, also where it holds a lock that the callback needs.

    A terminal that goes away is a first signal only, since a shell passes on to its jobs what the system tells them,
    too; where it is ignored, as under `nohup`, it stays so.

    Attributes:
        received: The first signal that came, or `None`.
    """

    def __init__(
        self, stop: Callable[[], None], abort: Callable[[], None], before_exit: Callable[[], None] = lambda: None
    ) -> None:
        """Prepare.

        Args:
            stop: Asks for an orderly end.
            abort: Asks for an immediate one.
            before_exit: Puts the terminal right before a third signal ends the process. Called inside the signal's
                handler, so it must not wait for anything.
        """
        self._before_exit = before_exit
        self.received: signal.Signals | None = None
        self._callbacks = [stop, abort]
        self._before: dict[signal.Signals, Any] = {}
        self._terminals = [stream for stream in _STREAMS if os.isatty(stream)]

    @property
    def exit_code(self) -> int:
        """0 without a signal, else 128 and the signal's number, as shells count: 130 for Ctrl-C, 129 for a hang-up."""
        return 0 if self.received is None else 128 + self.received

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            hung_up = () if _HANG_UP is None or signal.getsignal(_HANG_UP) is signal.SIG_IGN else (_HANG_UP,)
            self._before = {number: signal.signal(number, self._take) for number in (*_SIGNALS, *hung_up)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if number == _HANG_UP:
            self._forget_closed_terminals()
            if self.received is not None:
                return
        self.received = self.received or signal.Signals(number)
        if not self._callbacks:
            self._before_exit()
            os._exit(128 + number)
        threading.Thread(target=self._callbacks.pop(0), name="interruption", daemon=True).start()

    def _forget_closed_terminals(self) -> None:
        """What is still printed on a terminal that is gone goes nowhere, instead of failing."""
        closed = [stream for stream in self._terminals if not os.isatty(stream)]
        nothing = os.open(os.devnull, os.O_WRONLY)
        for stream in closed:
            os.dup2(nothing, stream)
        os.close(nothing)
