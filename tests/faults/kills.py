"""Ends monitors at random moments, and looks at what they leave behind."""

import contextlib
import csv
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from speech import RATE, minute, write_pcm

from monitor.commands.timelines import export
from monitor.timeline.file import read_timeline
from monitor.timeline.turn import STARTED_AT
from stser_core.errors import StserError

SOUND_S = 30
_LONGEST_WAIT_S = 0.06
_COMMANDS = ["monitor.commands.live", "monitor.commands.replay"]
_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(["torch", "torchaudio", "av", "webrtcvad", *_COMMANDS, "stser_core.model"])


class Monitor:
    """A process that listens or replays, forked from one that has the libraries loaded; it writes into a file."""

    def __init__(
        self, folder: Path, arguments: Sequence[str], sound: bytes = b"", command: Sequence[str] = ("--device", "-")
    ) -> None:
        """Start it, with some sound on its standard input."""
        self._out = folder / "standard output"
        self._out.write_bytes(b"")
        (folder / "standard input").write_bytes(sound)
        arguments = [*command, "--asr", "none", "--quiet", *arguments]
        self._process = _FORKING.Process(target=_run, args=(arguments, folder / "standard input", self._out))
        self._process.start()

    @property
    def lines(self) -> list[bytes]:
        """The whole lines of its standard output so far."""
        return self._out.read_bytes().rpartition(b"\n")[0].splitlines()

    def wait_for_lines(self, count: int) -> None:
        """Wait until it has written so many lines, or has ended."""
        deadline = time.monotonic() + 300
        while len(self.lines) < count and self._process.is_alive() and time.monotonic() < deadline:
            time.sleep(0.005)

    def signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self._process.pid is not None and self._process.exitcode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def end(self) -> int | None:
        """Wait for its end; its exit code, which is a signal's number below zero, or `None` where it hangs."""
        self._process.join(300)
        code = self._process.exitcode
        self._process.kill()
        return code


def _run(arguments: list[str], heard: Path, said: Path) -> None:
    os.dup2(os.open(heard, os.O_RDONLY), 0)
    os.dup2(os.open(said, os.O_WRONLY), 1)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 – it lasts as long as the process
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    from monitor.cli import main

    code = main(arguments)
    sys.stdout.flush()
    os._exit(code)


@dataclass
class Kills:
    """What came of many ends."""

    done: Counter[str] = field(default_factory=Counter)  # how often each signal ended a monitor of each kind
    turns: int = 0  # that were finished before
    faults: list[str] = field(default_factory=list)


def kill_often(count: int, seed: int, options: Sequence[str] = (), say: Callable[[str], None] = print) -> Kills:
    """End so many monitors, one after the other, by SIGKILL and SIGTERM in turn.

    Half of them listen and write into one and the same file, half replay two recordings onto an older timeline.

    A monitor writes each turn to a CSV first and then to standard output as JSON Lines. So whatever came out of its
    standard output was finished, and has to be in the CSV.
    """
    found, moments = Kills(), random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        kinds = [kind(Path(folder), options) for kind in (_Sessions, _Replays)]
        for turn in range(count):
            kind, by = kinds[turn // 2 % len(kinds)], (signal.SIGKILL, signal.SIGTERM)[turn % 2]
            name = f"{type(kind).__name__.strip('_')} {by.name}"
            try:
                found.turns += kind.end_one(by, moments)
            except (AssertionError, StserError) as error:
                found.faults.append(f"{name} {turn}: {type(error).__name__}: {error}")
            found.done[name] += 1
            if (turn + 1) % 10 == 0:
                say(f"{turn + 1} monitors ended, {found.turns} turns finished before, {len(found.faults)} faults")
    return found


class _Sessions:
    """Monitors that write into one file, one after the other: it has the finished turns of all."""

    def __init__(self, folder: Path, options: Sequence[str]) -> None:
        self._folder, self._file = folder, folder / "sessions.csv"
        self._options = ["--csv", str(self._file), "--jsonl", "-", *options]
        self._sound = minute()[: 2 * RATE * SOUND_S]
        self._finished: set[tuple[str, str]] = set()

    def end_one(self, by: signal.Signals, moments: random.Random) -> int:
        monitor = Monitor(self._folder, self._options, self._sound)
        _, finished = _ended(monitor, by, moments, SOUND_S // 4)
        self._finished |= {(str(turn["turn"]), str(turn[STARTED_AT])) for turn in finished}
        if self._finished or (self._file.exists() and self._file.stat().st_size):
            export(self._file, "excel", str(self._file.with_suffix(".tsv")), quiet=True)
            with self._file.open(newline="", encoding="utf-8") as file:
                rows = {(row["turn"], row[STARTED_AT]) for row in csv.DictReader(file)}
            assert self._finished <= rows, f"{len(self._finished - rows)} turns are missing"
        return len(finished)


class _Replays:
    """Replays of two recordings, onto an older timeline that stays until there is a first turn."""

    def __init__(self, folder: Path, options: Sequence[str]) -> None:
        self._folder, self._file = folder, folder / "replay.csv"
        paths = [str(folder / name) for name in ("first.wav", "second.wav")]
        for path in paths:
            write_pcm(path, minute()[: RATE * SOUND_S])
        self._command = ["replay", *paths]
        self._options = ["--csv", str(self._file), "--jsonl", "-", *options]
        assert self._start().end() == 0
        self._older = self._file.read_bytes()
        self._whole = read_timeline(self._file).turns

    def _start(self) -> Monitor:
        return Monitor(self._folder, self._options, command=self._command)

    def end_one(self, by: signal.Signals, moments: random.Random) -> int:
        older = self._older.replace(b"first.wav", b"older.wav")
        self._file.write_bytes(older)
        code, finished = _ended(self._start(), by, moments, len(self._whole))
        if not finished and self._file.read_bytes() == older:
            return 0
        rows = read_timeline(self._file).turns
        assert len(finished) <= len(rows) <= len(self._whole), f"{len(finished)} finished, {len(rows)} in the file"
        same = len(rows) - (by is signal.SIGTERM and code != 0)  # the last turn may have been cut off
        assert rows[:same] == self._whole[:same], "a turn is not what it is in an undisturbed run"
        return len(finished)


def _ended(
    monitor: Monitor, by: signal.Signals, moments: random.Random, turns: int
) -> tuple[int | None, list[dict[str, object]]]:
    """End one at a moment before it has written so many turns; its exit code, and the turns that it had finished."""
    monitor.wait_for_lines(moments.randint(0, turns - 1))
    time.sleep(moments.uniform(0, _LONGEST_WAIT_S))
    monitor.signal(by)
    code = monitor.end()
    expected = {signal.SIGKILL: {0, -9}, signal.SIGTERM: {0, 143, -15}}[by]
    assert code in expected, f"exit code {code}"
    return code, [json.loads(line) for line in monitor.lines]
