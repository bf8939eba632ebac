"""The terminal and its signals while a pipeline runs: Ctrl-C, Ctrl-Z, hang-ups, and single keys."""

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO

try:
    import termios
    import tty
except ImportError:  # Windows
    _HAS_TERMINALS = False
else:
    _HAS_TERMINALS = True

_HANG_UP = getattr(signal, "SIGHUP", None)  # Windows has none
_ESCAPE = b"\x1b"


class Interruption:
    """Takes the signals of the program while it is entered, in the main thread.

    The first signal asks for an orderly end, the second for an immediate one, and a third ends the process on the
    spot. The callbacks run in a thread of their own, since a handler interrupts the main thread anywhere, also where
    it holds a lock that the callback needs.

    A terminal that goes away is a first signal only, since a shell passes on to its jobs what the system tells them,
    too; where it is ignored, as under `nohup`, it stays so.

    Attributes:
        received: The first signal that came, or `None`.
    """

    def __init__(
        self, stop: Callable[[], None], abort: Callable[[], None], before_exit: Callable[[], None] = lambda: None
    ) -> None:
        """Prepare: `stop` asks for an orderly end, `abort` for an immediate one.

        `before_exit` puts the terminal right before a third signal ends the process. It is called inside the signal's
        handler, so it must not wait for anything.
        """
        self._before_exit = before_exit
        self.received: signal.Signals | None = None
        self._callbacks = [stop, abort]
        self._before: dict[signal.Signals, Any] = {}
        self._terminals = [stream for stream in (1, 2) if os.isatty(stream)]  # standard output and standard error

    @property
    def exit_code(self) -> int:
        """0 without a signal, else 128 and the signal's number, as shells count: 130 for Ctrl-C, 129 for a hang-up."""
        return 0 if self.received is None else 128 + self.received

    def __enter__(self) -> "Interruption":
        numbers = [signal.SIGINT, signal.SIGTERM]
        if _HANG_UP is not None and signal.getsignal(_HANG_UP) is not signal.SIG_IGN:
            numbers.append(_HANG_UP)
        self._before = {number: signal.signal(number, self._take) for number in numbers}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if number == _HANG_UP:
            nothing = os.open(os.devnull, os.O_WRONLY)
            for stream in self._terminals:
                if not os.isatty(stream):  # the output to a terminal that is gone is discarded, instead of failing
                    os.dup2(nothing, stream)
            os.close(nothing)
            if self.received is not None:
                return
        self.received = self.received or signal.Signals(number)
        if not self._callbacks:
            self._before_exit()
            os._exit(128 + number)
        threading.Thread(target=self._callbacks.pop(0), name="interruption", daemon=True).start()


@contextmanager
def suspension(leave: Callable[[], None], resume: Callable[[], None]) -> Iterator[None]:
    """Handle Ctrl-Z meanwhile; without such signals, as on Windows, do nothing.

    `leave` gives the terminal back, called inside the signal's handler, in the main thread; `resume` takes it again,
    once the shell lets the program go on.
    """
    if not hasattr(signal, "SIGTSTP"):
        yield
        return

    def take(number: int, frame: FrameType | None) -> None:
        leave()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)  # stops the program here, until it is continued
        signal.signal(number, take)
        resume()

    before = signal.signal(signal.SIGTSTP, take)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, before)


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

    The terminal still turns Ctrl-C into a signal.
    """

    def __init__(self, stream: TextIO, actions: Mapping[str, Callable[[], None]]) -> None:
        self._terminal = stream.fileno()
        self._actions = dict(actions)
        self._before = termios.tcgetattr(self._terminal)
        self._leaving, self._leave = os.pipe()
        self._thread = threading.Thread(target=self._read, name="keys", daemon=True)

    def take(self) -> None:
        """Have the terminal hand over each key at once."""
        tty.setcbreak(self._terminal, termios.TCSANOW)

    def restore(self) -> None:
        """Put the terminal back as it was, if it is still there. Never waits, so a signal's handler may call it."""
        if os.isatty(self._terminal):
            termios.tcsetattr(self._terminal, termios.TCSANOW, self._before)

    def __enter__(self) -> "Keys":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        os.write(self._leave, b".")
        self._thread.join()
        os.close(self._leave)
        os.close(self._leaving)

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
                for key in typed.decode("ascii", errors="ignore").lower():
                    self._actions.get(key, lambda: None)()
