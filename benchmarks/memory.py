"""Growth of memory over hours of sound at full speed, in a process of its own.

python -m benchmarks.memory HOURS
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.figures import Figure
from benchmarks.material import Looped, Material
from benchmarks.running import ENVIRONMENT, STATUS, megabytes, run_pipeline
from monitor.flow import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.flow import AudioBlock

_SAMPLES = 60
_SETTLED = 0.5
"""The part of the stream after which caches are taken to be full: they fill during its first two hours."""


def measure(material: Material) -> list[Figure]:
    """Listen to hours of the call in a fresh process."""
    if not STATUS.exists():
        return [Figure("memory", "growth over 24 h", None, against="only Linux tells it in /proc")]
    hours = 0.1 if material.quick else 4.0
    command = [sys.executable, "-m", "benchmarks.memory", str(hours)]
    course = json.loads(subprocess.check_output(command, env=ENVIRONMENT, text=True))
    against = f"{hours:g} h of the call as one stream at full speed"
    at_the_end = Figure("memory", "at the end", course[-1][1], "MB", against)
    if material.quick:  # minutes tell more of the start than of a day
        return [at_the_end]
    places, resident = np.array([one for one in course if one[0] >= _SETTLED * hours]).T
    growth = 24 * float(np.polyfit(places, resident, 1)[0])
    return [
        at_the_end,
        Figure("memory", "growth over 24 h", growth, "MB", f"a line through the last half of {against}", at_most=24),
    ]


class _Watched(Looped):
    """A stream that notes this process's memory as it goes on: hours, megabytes."""

    course: tuple[tuple[float, float], ...] = ()

    def blocks(self) -> Iterator[AudioBlock]:
        every = max(1, self.samples // _SAMPLES)
        for block in super().blocks():
            if block.end // every > block.start // every:
                self.course += ((block.end / SAMPLE_RATE / 3600, megabytes(STATUS.read_text(), "VmRSS")),)
            yield block


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        material = Material(quick=True, scratch=Path(folder))
        stream = _Watched(material.call, 3600 * float(sys.argv[1]))
        run_pipeline(stream, material.recognizer, Path(folder, "memory.csv"))
        print(json.dumps(stream.course))
