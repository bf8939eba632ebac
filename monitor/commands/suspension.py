"""Ctrl-Z while a screen covers the terminal: the shell finds it as it was, and `fg` brings the screen back."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any


class Suspension:
    """Takes Ctrl-Z while it is entered; nothing changes where there are no such signals, as on Windows."""

    def __init__(self, leave: Callable[[], None], resume: Callable[[], None]) -> None:
        """Prepare.

        Args:
            leave: Gives the terminal back. Called inside the signal's handler, in the main thread.
            resume: Takes it again, once the shell lets the program go on.
        """
        self._leave = leave
        self._resume = resume
        self._before: Any = None

    def __enter__(self) -> Suspension:
        if hasattr(signal, "SIGTSTP") and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTSTP, self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTSTP, self._before)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self._leave()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)  # stops the program here, until it is continued
        signal.signal(number, self._take)
        self._resume()
