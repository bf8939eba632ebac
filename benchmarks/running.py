"""Runs the pipeline in this process, or a command in one of its own, and measures what it costs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.material import PROJECT
from monitor.exporters.csv import CsvLines
from monitor.exporters.exporter import Exporter
from monitor.pipeline.pipeline import Pipeline
from monitor.roles import Role
from monitor.transcribers import NoTranscriber

if TYPE_CHECKING:
    from monitor.pipeline.scoring import Scorer
    from monitor.sources import Source
    from monitor.transcribers import Transcriber

PROGRAM = (sys.executable, "-c", "from monitor.entry import main; main()")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(PROJECT)}

STATUS = Path("/proc/self/status")
"""Linux's file with a process's memory."""


class Cost(NamedTuple):
    """Costs of some work."""

    wall_s: float  # on the clock
    cpu_s: float  # on all cores, user and system


def cost(work: Callable[[], object]) -> Cost:
    """Do some work in this process; all its threads are counted."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def wall_of_command(command: Sequence[str]) -> float:
    """Run a command from its start to its end, and count the seconds; raises `RuntimeError` where it failed."""
    started = time.perf_counter()
    done = subprocess.run(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[-4:])} failed: {done.stderr.decode(errors='replace').strip()}")
    return time.perf_counter() - started


def run_pipeline(
    source: Source,
    scorer: Scorer,
    csv: Path,
    *,
    transcriber: Transcriber | None = None,
    timings: Callable[..., None] | None = None,
    follow: bool = False,
) -> None:
    """Run a source through the pipeline into a CSV file, as `replay --quiet --csv` does."""
    exporter = Exporter(str(csv), CsvLines())
    try:
        pipeline = Pipeline(
            source,
            roles=[Role(f"speaker{number + 1}") for number in range(source.channels)],
            transcriber=transcriber or NoTranscriber(),
            scorer=scorer,
            outputs=[exporter.write],
            timings=timings,
            follow=(lambda: True) if follow else None,
        )
        exporter.begin()
        pipeline.run()
    finally:
        exporter.close()


def megabytes(status: str, field: str) -> float:
    """A value of `STATUS`, such as `VmRSS`."""
    return int(status.partition(f"{field}:")[2].split()[0]) / 1024
