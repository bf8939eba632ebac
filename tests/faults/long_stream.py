"""Hours of speech through standard input in one stream: no turn lost, exact times, constant memory."""

import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from speech import PROGRAM, ROOT, SENTENCES, minute

from monitor.timeline.file import read_timeline
from monitor.timeline.turn import Turn

_SETTLED_MINUTES = 2
"""The noise floor of the segmenter settles in the first; from then on every minute must be as the one before."""
WARM_HOURS = 2
"""Until then memory settles: the last 400 turns collect, and torch prepares for each new length of a turn."""
MOST_GROWTH_MB = 8


@dataclass(frozen=True)
class LongStream:
    """What came of one stream."""

    code: int
    took_s: float
    turns: int  # found in the file
    expected: int  # spoken
    dropped_ms: int
    largest_shift_ms: int  # how far any turn lies from the same one of an earlier minute, whole minutes taken off
    settled_mb: float  # resident memory once it had settled
    growth_mb: float  # how much more it ever was afterwards

    @property
    def whole(self) -> bool:
        """Whether nothing was lost."""
        return self.turns == self.expected and self.dropped_ms == 0 and self.code == 0


def run(minutes: int, say: Callable[[str], None], step_min: int = 60, warm: int = WARM_HOURS) -> LongStream:
    """Feed one process so many minutes of sound at full speed.

    Memory is looked at after each `step_min` minutes of sound, and has settled after so many such steps.
    """
    sound, memory = minute(), []
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stream.csv"
        command = [*PROGRAM, "--device", "-", "--asr", "none", "--csv", str(file), "--quiet"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT) as process:
            assert process.stdin is not None
            for number in range(1, minutes + 1):
                process.stdin.write(sound)
                if number % step_min == 0:
                    memory.append(resident_mb(process.pid))
                    ratio = number * 60 / (time.monotonic() - began)
                    say(f"{number / 60:.3g} h heard, {memory[-1]:.0f} MB, {ratio:.0f} s of sound a second")
            process.stdin.close()
            code = process.wait(600)
        took_s = time.monotonic() - began
        rows = read_timeline(file).turns
    dropped_ms, settled_mb = sum(row.dropped_ms for row in rows), memory[warm - 1]
    growth_mb = max(memory[warm - 1 :]) - settled_mb
    shift_ms = _largest_shift_ms(rows)
    return LongStream(code, took_s, len(rows), SENTENCES * minutes, dropped_ms, shift_ms, settled_mb, growth_mb)


def _largest_shift_ms(rows: Sequence[Turn]) -> int:
    """Compare each turn with the one a minute before it, after the first minutes and without the cut-off last turn."""
    settled = rows[SENTENCES * _SETTLED_MINUTES : -1]
    pairs = zip(settled, settled[SENTENCES:], strict=False)
    return max(
        max(abs(later.start_ms - 60_000 - row.start_ms), abs(later.end_ms - 60_000 - row.end_ms))
        for row, later in pairs
    )


def resident_mb(process: int) -> float:
    """The memory of a process that lies in RAM, on Linux."""
    status = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024
