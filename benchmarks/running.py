"""Runs what is measured: the pipeline in this process, or a command in one of its own; and what it cost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.plan import PROJECT
from monitor.exporters.csv import CsvExporter
from monitor.pipeline.pipeline import Pipeline
from monitor.roles import Role
from monitor.transcribers.none import NoTranscriber

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.pipeline.scoring import Scorer
    from monitor.pipeline.timings import Timings
    from monitor.sources import Source
    from monitor.transcribers import Transcriber

PROGRAM = (sys.executable, "-c", "import sys; from monitor.cli import main; sys.exit(main())")
"""`stser-monitor` with this Python, wherever its script is."""

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(PROJECT)}


@dataclass(frozen=True)
class Cost:
    """What a piece of work took.

    Attributes:
        wall_s: On the clock.
        cpu_s: On all processors, user and system; of a command with all processes that it started and waited for.
        peak_mb: The largest resident memory of any one process; 0 where it was not a process of its own.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float = 0.0

    def less(self, start: Cost) -> Cost:
        """What is left of it without the start, which was measured by itself."""
        return Cost(self.wall_s - start.wall_s, self.cpu_s - start.cpu_s, self.peak_mb)


def cost(work: Callable[[], object]) -> Cost:
    """What some work in this process costs, all threads together."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def cost_of_command(command: Sequence[str]) -> Cost:
    """What a command costs from its start to its end.

    Raises:
        RuntimeError: It failed; with what it said.
    """
    started = time.perf_counter()
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        said = process.stderr.read().decode(errors="replace")
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command[-4:])} failed: {said.strip()}")
    return Cost(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def run_pipeline(
    source: Source,
    scorer: Scorer,
    csv: Path,
    *,
    transcriber: Transcriber | None = None,
    timings: Timings | None = None,
    capacity: int = 64,
    follow: bool = False,
) -> Pipeline:
    """Run a source through the pipeline into a CSV file, as `replay --quiet --csv` does, and return it."""
    with ExitStack() as cleanup:
        exporter = CsvExporter(str(csv), explain=False)
        cleanup.callback(exporter.close)
        pipeline = Pipeline(
            source,
            roles=[Role(f"speaker{number + 1}") for number in range(source.channels)],
            transcriber=transcriber or NoTranscriber(),
            scorer=scorer,
            outputs=[exporter.write],
            timings=timings,
            capacity=capacity,
            follow=follow,
        )
        exporter.begin()
        pipeline.run()
    return pipeline


@contextmanager
def one_core() -> Iterator[None]:
    """Have commands that are started meanwhile run on one core alone, where the system can keep them there."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # of this thread, which they inherit
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@contextmanager
def busy_core() -> Iterator[None]:
    """Keep one core busy meanwhile, with a process that does nothing else."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()
