"""Resident memory: after loading, and over hours of sound at full speed, in a process of its own.

python -m benchmarks.memory HOURS
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Budget, Figure, missing, slope
from benchmarks.plan import Plan
from benchmarks.running import ENVIRONMENT, run_pipeline
from benchmarks.sounds import Looped
from monitor.flow import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.flow import AudioBlock

SUBJECT = "memory"
_STATUS = Path("/proc/self/status")
_SAMPLES = 60
_SETTLED = 0.25
"""The share of the stream after which caches are taken to be full."""


def measure(plan: Plan) -> list[Figure]:
    """Hear hours of the call in a fresh process."""
    if not _STATUS.exists():
        return [missing(SUBJECT, "resident memory", "only Linux tells it in /proc")]
    hours = 0.5 if plan.quick else plan.memory_hours
    command = [sys.executable, "-m", "benchmarks.memory", str(hours)]
    told = json.loads(subprocess.check_output(command, env=ENVIRONMENT, text=True))
    settled = [(place, value) for place, value in told["course"] if place >= _SETTLED * hours]
    growth = slope(*zip(*settled, strict=True))
    made_of = f"{hours:g} h of the call as one stream at full speed"
    return [
        Figure(SUBJECT, "after importing torch, torchaudio and PyAV", told["imported"], "MB", "resident"),
        Figure(SUBJECT, "after loading the models", told["loaded"], "MB", "speech classifier, no recogniser"),
        Figure(SUBJECT, "at the end of the stream", told["course"][-1][1], "MB", made_of),
        Figure(
            SUBJECT,
            "growth over 24 h",
            24 * growth,
            "MB",
            f"the straight line through the last {1 - _SETTLED:.0%} of {made_of}; constant means below 24",
            None if plan.quick else Budget(24),  # half an hour tells more of the start than of a day
        ),
    ]


class Watched(Looped):
    """A stream that notes this process's memory as it goes on: hours, megabytes."""

    course: tuple[tuple[float, float], ...] = ()

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the stream."""
        every = max(1, self.samples // _SAMPLES)
        for block in super().blocks():
            if block.end // every > block.start // every:
                self.course += ((block.end / SAMPLE_RATE / 3600, resident_mb()),)
            yield block


def resident_mb() -> float:
    """This process's resident memory."""
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def hear(hours: float, scratch: Path) -> dict[str, object]:
    """Hear so many hours, and tell this process's memory on the way in megabytes."""
    import av  # noqa: F401  first of all, so that their memory can be told from ours
    import torchaudio  # noqa: F401

    imported = resident_mb()
    plan = Plan(quick=True, scratch=scratch)
    stream = Watched(plan.call, 3600 * hours)
    plan.recognizer.score([])
    loaded = resident_mb()
    run_pipeline(stream, plan.recognizer, scratch / "memory.csv")
    return {"imported": imported, "loaded": loaded, "course": stream.course}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(hear(float(sys.argv[1]), Path(folder))))
