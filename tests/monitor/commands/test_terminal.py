"""The terminal's signals and keys."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from waiting import wait_until

from monitor.commands.terminal import Interruption

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and terminals")
if sys.platform != "win32":
    import pty

    from monitor.commands.terminal import Keys, can_be_read


@pytest.mark.usefixtures("hang_ups")
def test_a_terminal_that_goes_away_ends_it_in_order_however_often_it_says_so():
    stopped, aborted = threading.Event(), threading.Event()
    with Interruption(stopped.set, aborted.set) as interruption:
        os.kill(os.getpid(), signal.SIGHUP)
        assert stopped.wait(5)
        os.kill(os.getpid(), signal.SIGHUP)
        assert not aborted.wait(0.2)
    assert interruption.exit_code == 129


@pytest.mark.usefixtures("hang_ups")
def test_what_nohup_ignores_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Interruption(lambda: None, lambda: None) as interruption:
        os.kill(os.getpid(), signal.SIGHUP)
    assert interruption.exit_code == 0
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_a_callback_may_take_a_lock_that_the_interrupted_thread_holds():
    lock, stopped = threading.Lock(), threading.Event()

    def stop():
        with lock:
            stopped.set()

    with Interruption(stop, lambda: None):
        with lock:
            os.kill(os.getpid(), signal.SIGINT)
        assert stopped.wait(5)


@pytest.mark.slow
def test_a_third_signal_ends_the_process_on_the_spot_with_the_terminal_put_right():
    script = """
import os, signal, threading, time
from monitor.commands.terminal import Interruption
with Interruption(lambda: None, lambda: None, lambda: os.write(1, b"put right")):
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
    os.write(1, b"never")
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (run.returncode, run.stdout) == (130, "put right")


@pytest.fixture
def typed():
    """A pseudo-terminal: the end that types, and the end that the program reads."""
    typing, reading = pty.openpty()
    with os.fdopen(reading, "r") as stream:
        yield typing, stream
    os.close(typing)


def test_arrow_keys_are_not_letters(typed):
    typing, stream = typed
    done = []
    keys = Keys(stream, {"a": lambda: done.append("a"), "o": lambda: done.append("o")})
    keys.take()
    with keys:
        os.write(typing, b"\x1b[A")
        time.sleep(0.1)
        os.write(typing, b"o")
        wait_until(lambda: "o" in done)
    assert done == ["o"]


def test_only_a_terminal_in_the_foreground_is_read(typed):
    assert not can_be_read(io.StringIO())
    # A terminal, but not the one that this process belongs to.
    assert not can_be_read(typed[1])
