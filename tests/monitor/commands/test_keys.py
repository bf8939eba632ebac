import io
import os
import sys
import time

import pytest
from waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
if sys.platform != "win32":
    import pty

    from monitor.commands.terminal import Keys, can_be_read


@pytest.fixture
def terminal():
    """A pseudo-terminal: the end that types, and the end that the program reads."""
    typing, reading = pty.openpty()
    with os.fdopen(reading, "r") as stream:
        yield typing, stream
    os.close(typing)


def test_arrow_keys_are_not_letters(terminal):
    typing, stream = terminal
    done = []
    with Keys(stream, {"a": lambda: done.append("a"), "o": lambda: done.append("o")}):
        os.write(typing, b"\x1b[A")
        time.sleep(0.1)
        os.write(typing, b"o")
        wait_until(lambda: "o" in done)
    assert done == ["o"]


def test_only_a_terminal_in_the_foreground_is_read(terminal):
    assert not can_be_read(io.StringIO())
    # A terminal, but not the one that this process belongs to.
    assert not can_be_read(terminal[1])
