"""Single keys from the terminal, without Enter, while something else goes on."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Mapping
from threading import Thread
from types import TracebackType
from typing import TextIO

try:
    import termios
    import tty
except ImportError:  # Windows
    _HAS_TERMINALS = False
else:
    _HAS_TERMINALS = True

_ESCAPE = b"\x1b"


def can_be_read(stream: TextIO) -> bool:
    """Whether keys can be read: `stream` is a terminal, and this program is in its foreground.

    A program in the background that reads from its terminal, or changes it, is stopped by the system.
    """
    if not _HAS_TERMINALS:
        return False
    try:
        return stream.isatty() and os.tcgetpgrp(stream.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


class Keys:
    """Calls an action for each key, from entering to leaving, in a thread of its own.

    The terminal still turns Ctrl-C into a signal. Leaving puts it back as it was.
    """

    def __init__(self, stream: TextIO, actions: Mapping[str, Callable[[], None]]) -> None:
        """Prepare.

        Args:
            stream: A terminal, see `can_be_read`.
            actions: What to call for each key; the keys are single ASCII characters.
        """
        self._terminal = stream.fileno()
        self._actions = dict(actions)
        self._before = termios.tcgetattr(self._terminal)
        self._leaving, self._leave = os.pipe()
        self._thread = Thread(target=self._read, name="keys", daemon=True)

    def take(self) -> None:
        """Have the terminal hand over each key at once."""
        tty.setcbreak(self._terminal, termios.TCSANOW)

    def restore(self) -> None:
        """Put the terminal back as it was, if it is still there. Never waits, so a signal's handler may call it."""
        if os.isatty(self._terminal):
            termios.tcsetattr(self._terminal, termios.TCSANOW, self._before)

    def __enter__(self) -> Keys:
        self.take()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            os.write(self._leave, b".")
            self._thread.join()
            os.close(self._leave)
            os.close(self._leaving)
        finally:
            self.restore()

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self._terminal, self._leaving], [], [])
            if self._leaving in ready:
                return
            try:
                typed = os.read(self._terminal, 64)
            except OSError:
                # The terminal was closed; its hang-up signal ends the program.
                return
            if not typed:
                return
            if not typed.startswith(_ESCAPE):
                self._act(typed)

    def _act(self, typed: bytes) -> None:
        for key in typed.decode("ascii", errors="ignore").lower():
            action = self._actions.get(key)
            if action is not None:
                action()
