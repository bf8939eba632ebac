"""Ends a monitor at random moments, and looks at what it leaves behind."""

from __future__ import annotations

import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from monitors import Monitor
from speech import RATE, minute

from monitor.commands.timelines import export
from monitor.timeline.file import read_timeline
from monitor.timeline.turn import Turn
from stser_core.errors import StserError

SOUND_S = 30
_LONGEST_WAIT_S = 0.06


@dataclass
class Kills:
    """What came of many ends.

    Attributes:
        done: How often each signal ended a monitor.
        turns: How many turns were finished before.
        faults: What was wrong, in sentences.
    """

    done: Counter[str] = field(default_factory=Counter)
    turns: int = 0
    faults: list[str] = field(default_factory=list)


def kill_often(count: int, number: int, options: Sequence[str] = (), say: Callable[[str], None] = print) -> Kills:
    """End so many monitors, one after the other, by SIGKILL and SIGTERM in turn.

    A monitor writes each turn to a CSV first and then to standard output as JSON Lines. So whatever came out of its
    standard output was finished, and has to be in the CSV, which has to be the beginning of the undisturbed one.

    Args:
        count: How many.
        number: The seed of the moments.
        options: Further arguments of the monitor.
        say: Told of the progress.
    """
    found, moments = Kills(), random.Random(number)
    sound = minute()[: 2 * RATE * SOUND_S]
    with tempfile.TemporaryDirectory() as folder:
        whole = _rows(Path(folder) / "whole.csv", sound, options)
        for turn in range(count):
            kind = (signal.SIGKILL, signal.SIGTERM)[turn % 2]
            file = Path(folder) / f"{turn}.csv"
            try:
                found.turns += _one(file, sound, options, kind, moments, whole)
            except (AssertionError, StserError) as error:
                found.faults.append(f"{kind.name} {turn}: {type(error).__name__}: {error}")
            found.done[kind.name] += 1
            if (turn + 1) % 10 == 0:
                say(f"{turn + 1} monitors ended, {found.turns} turns finished before, {len(found.faults)} faults")
    return found


def _rows(file: Path, sound: bytes, options: Sequence[str]) -> tuple[Turn, ...]:
    monitor = Monitor(["--csv", str(file), *options], sound)
    code = monitor.end()
    assert code == 0, f"the undisturbed monitor ended with {code}"
    return _untimed(file)


def _one(
    file: Path,
    sound: bytes,
    options: Sequence[str],
    kind: signal.Signals,
    moments: random.Random,
    whole: tuple[Turn, ...],
) -> int:
    """End one monitor at a moment of its own; how many turns had been finished."""
    monitor = Monitor(["--csv", str(file), "--jsonl", "-", *options], sound)
    monitor.wait_for_lines(moments.randint(0, len(whole) - 1))
    time.sleep(moments.uniform(0, _LONGEST_WAIT_S))
    monitor.signal(kind)
    code = monitor.end()
    finished = monitor.said.count(b"\n")
    expected = {signal.SIGKILL: {0, -9}, signal.SIGTERM: {0, 143, -15}}[kind]
    assert code in expected, f"exit code {code}"
    rows = _readable(file, finished)
    assert len(rows) >= finished, f"{finished} turns were finished, and the file has {len(rows)}"
    assert len(rows) <= len(whole), f"the file has {len(rows)} turns, and nobody spoke more than {len(whole)}"
    last = len(rows) - (kind is signal.SIGTERM and code == 143)  # what is being said then ends early
    assert rows[:last] == whole[:last], "a turn is not what it is in an undisturbed run"
    return finished


def _readable(file: Path, finished: int) -> tuple[Turn, ...]:
    """The turns in a file that `export` reads; one that ended before it began to listen may have no header yet."""
    if not finished and (not file.exists() or file.stat().st_size == 0):
        return ()
    export(file, "jsonl", str(file.with_suffix(".jsonl")), quiet=True)
    return _untimed(file)


def _untimed(file: Path) -> tuple[Turn, ...]:
    """The turns without their time of day, in which no two runs agree."""
    return tuple(replace(turn, extra={}) for turn in read_timeline(file).turns)
