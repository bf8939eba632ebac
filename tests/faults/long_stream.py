"""Hours of speech through standard input in one stream: no turn lost, exact times, constant memory."""

import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from speech import PROGRAM, ROOT, SENTENCES, minute

from monitor.timeline.file import read_timeline
from monitor.timeline.turn import Turn

_SETTLED_MINUTES = 2
"""The noise floor of the segmenter settles in the first; from then on every minute must be as the one before."""
WARM_HOURS = 2
"""Until then memory settles: the last 400 turns collect, and torch prepares for each new length of a turn."""
_MOST_GROWTH_MB = 8


@dataclass(frozen=True)
class LongStream:
    """What came of one stream.

    Attributes:
        turns: Found in the file.
        expected: Spoken.
        largest_shift_ms: How far any turn lies from the same one of an earlier minute, whole minutes taken off.
        memory_mb: Resident memory after each step.
        warm: After how many steps it had settled.
    """

    hours: float
    took_s: float
    turns: int
    expected: int
    largest_shift_ms: int
    dropped_ms: int
    memory_mb: tuple[float, ...]
    warm: int
    code: int

    @property
    def growth_mb(self) -> float:
        """How much more memory it ever took than when it had settled."""
        return max(self.memory_mb[self.warm - 1 :]) - self.memory_mb[self.warm - 1]

    @property
    def whole(self) -> bool:
        """Whether nothing was lost."""
        return self.turns == self.expected and self.dropped_ms == 0 and self.code == 0

    @property
    def constant(self) -> bool:
        """Whether memory stayed what it was."""
        return self.growth_mb < _MOST_GROWTH_MB


def run(hours: float, say: Callable[[str], None], step_min: int = 60, warm: int = WARM_HOURS) -> LongStream:
    """Feed one process at full speed.

    Args:
        hours: Of sound.
        say: Told of the progress.
        step_min: Minutes of sound after which memory is looked at.
        warm: After how many such steps memory has settled.
    """
    sound, minutes, memory = minute(), round(60 * hours), []
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
    return LongStream(
        hours=minutes / 60,
        took_s=took_s,
        turns=len(rows),
        expected=SENTENCES * minutes,
        largest_shift_ms=largest_shift_ms(rows),
        dropped_ms=sum(row.dropped_ms for row in rows),
        memory_mb=tuple(memory),
        warm=warm,
        code=code,
    )


def largest_shift_ms(rows: tuple[Turn, ...]) -> int:
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
