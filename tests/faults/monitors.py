"""Real monitor processes by the dozen: each is forked from one that has the libraries loaded already."""

import contextlib
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection

_COMMANDS = ["monitor.commands.live", "monitor.commands.replay"]
_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(["torch", "torchaudio", "av", "webrtcvad", *_COMMANDS, "stser_core.model"])
_MUCH, _LITTLE = 65_536, 100
_PAUSE_S = 0.01


class Monitor:
    """A process that listens or replays; what it writes to standard output is collected."""

    def __init__(
        self,
        arguments: Sequence[str],
        sound: bytes = b"",
        *,
        command: Sequence[str] = ("--device", "-"),
        reads_slowly: bool = False,
    ) -> None:
        """Start it and begin to feed it.

        Args:
            arguments: What follows the command.
            sound: What comes on its standard input, as fast as it takes it.
            command: What follows `stser-monitor`.
            reads_slowly: Whether its standard output is read in bits of 100 bytes, with pauses.
        """
        arguments = [*command, "--asr", "none", "--quiet", *arguments]
        self._pause_s, self._piece = (_PAUSE_S, _LITTLE) if reads_slowly else (0.0, _MUCH)
        self._leaving = threading.Event()
        theirs_in, ours_in = _FORKING.Pipe(duplex=False)
        ours_out, theirs_out = _FORKING.Pipe(duplex=False)
        self._process = _FORKING.Process(target=_monitor, args=(arguments, theirs_in, theirs_out))
        self._process.start()
        theirs_in.close()
        theirs_out.close()
        self._said: list[bytes] = []
        self._some = threading.Condition()
        self._ended = False
        self._threads = [
            threading.Thread(target=self._feed, args=(ours_in, sound), daemon=True),
            threading.Thread(target=self._collect, args=(ours_out,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def said(self) -> bytes:
        """Its standard output so far."""
        with self._some:
            return b"".join(self._said)

    def wait_for_lines(self, count: int, seconds: float = 300.0) -> None:
        """Wait until it has written so many lines, or has ended."""
        with self._some:
            self._some.wait_for(lambda: b"".join(self._said).count(b"\n") >= count or self._ended, seconds)

    def stop_reading(self) -> None:
        """Read no further, and close the pipe."""
        self._leaving.set()

    def signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self._process.pid is not None and self._process.exitcode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def end(self, seconds: float = 300.0) -> int | None:
        """Wait for its end; its exit code, which is a signal's number below zero, or `None` where it hangs."""
        self._process.join(seconds)
        code = self._process.exitcode
        if code is None:
            self._process.kill()
        for thread in self._threads:
            thread.join(10)
        return code

    def _feed(self, into: Connection, sound: bytes) -> None:
        with contextlib.suppress(BrokenPipeError), os.fdopen(os.dup(into.fileno()), "wb", buffering=0) as pipe:
            into.close()
            rest = memoryview(sound)
            while rest:
                rest = rest[pipe.write(rest) or 0 :]

    def _collect(self, out: Connection) -> None:
        while not self._leaving.is_set():
            time.sleep(self._pause_s)
            piece = os.read(out.fileno(), self._piece)
            with self._some:
                self._said.append(piece)
                self._ended = not piece
                self._some.notify_all()
            if not piece:
                break
        out.close()


def _monitor(arguments: list[str], heard: Connection, said: Connection) -> None:
    os.dup2(heard.fileno(), 0)
    os.dup2(said.fileno(), 1)
    heard.close()
    said.close()
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 – it lasts as long as the process
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    from monitor.cli import main

    code = main(arguments)
    sys.stdout.flush()
    os._exit(code)
