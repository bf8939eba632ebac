"""How much sound a second: the speech classifier alone, on one core, with two workers, and for ever more sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.figures import Budget, Figure, repeated
from benchmarks.plan import CALL_IS
from benchmarks.running import PROGRAM, Cost, cost, cost_of_command, one_core, run_pipeline
from monitor.sources.recording import Recording

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.plan import Plan

SUBJECT = "throughput"


def measure(plan: Plan) -> list[Figure]:
    """Replay files of growing length, and archive a folder with one and with two workers."""
    return [*_one_core(plan), *_growth(plan), *_workers(plan)]


def _one_core(plan: Plan) -> list[Figure]:
    seconds = 60.0 if plan.quick else 278.0
    path = plan.piece(seconds)
    plan.recognizer.score([])
    costs = [_replay(plan, path) for _ in range(plan.repeats)]
    made_of = f"a replay of {seconds:.0f} s of {CALL_IS}, models loaded"
    on_cpu, cpu_spread = repeated([seconds / one.cpu_s for one in costs])
    on_clock, wall_spread = repeated([seconds / one.wall_s for one in costs])
    return [
        Figure(
            SUBJECT,
            "audio per second of CPU",
            on_cpu,
            "s/s",
            f"user + system time of all threads: {made_of}",
            Budget(100, at_least=True),
            cpu_spread,
        ),
        Figure(SUBJECT, "audio per second on the clock", on_clock, "s/s", made_of, None, wall_spread),
    ]


def _replay(plan: Plan, path: Path) -> Cost:
    return cost(lambda: run_pipeline(Recording(path), plan.recognizer, plan.scratch / "t.csv"))


def _growth(plan: Plan) -> list[Figure]:
    """The whole command, with its start, for 1, 10 and 100 times the sound."""
    once = 6.0 if plan.quick else 36.0
    figures = []
    for times in (1, 10, 100):
        path = plan.piece(once * times)
        used = cost_of_command([*PROGRAM, "replay", str(path), "--asr", "none", "--quiet", "--csv", "-"])
        against = f"the command with its start, {once * times:g} s of sound"
        figures += [
            Figure(SUBJECT, f"CPU a minute of audio, ×{times}", 60 * used.cpu_s / (once * times), "s/min", against),
            Figure(SUBJECT, f"largest memory, ×{times}", used.peak_mb, "MB", against),
        ]
    return figures


def _workers(plan: Plan) -> list[Figure]:
    """The gain of a second worker, once the workers have started: what an archive of any size gains in the end."""
    count, seconds = 24, 278.0
    folder, short = plan.scratch / "recordings", plan.scratch / "short"
    _link(plan.piece(seconds), folder, count)
    _link(plan.piece(1.0), short, 2)  # one for each worker, since no more are started than there are recordings
    over_worker, over_core, cpus = [], [], []
    for number in range(3 if plan.quick else 5):
        alone, both = (_work(plan, folder, short, f"{workers}-{number}", workers) for workers in (1, 2))
        with one_core():
            bound = _work(plan, folder, short, f"bound-{number}", 1)
        over_worker.append(alone.wall_s / both.wall_s)
        over_core.append(bound.wall_s / both.wall_s)
        cpus.append(both.cpu_s / alone.cpu_s)
    made_of = f"less the start with as many workers, archive --asr none, {count} recordings of {seconds:.0f} s"
    wall = f"time on the clock {made_of}"
    worker, worker_spread = repeated(over_worker)
    core, core_spread = repeated(over_core)
    cpu, cpu_spread = repeated(cpus)
    return [
        Figure(SUBJECT, "2 workers / 1 worker", worker, "×", wall, Budget(1.8, at_least=True), worker_spread),
        Figure(SUBJECT, "2 workers / 1 on one core", core, "×", wall, None, core_spread),
        Figure(SUBJECT, "CPU of 2 workers / 1 worker", cpu, "×", f"processes and all {made_of}", None, cpu_spread),
    ]


def _work(plan: Plan, folder: Path, short: Path, name: str, workers: int) -> Cost:
    """What an archive of a folder costs once its workers have started."""
    return _archive(plan, folder, name, workers).less(_archive(plan, short, f"start-{name}", workers))


def _archive(plan: Plan, folder: Path, out: str, workers: int) -> Cost:
    where = str(plan.scratch / "archives" / out)
    return cost_of_command(
        [*PROGRAM, "archive", str(folder), "--out", where, "--asr", "none", "--workers", str(workers), "--quiet"]
    )


def _link(recording: Path, folder: Path, count: int) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / f"{number:03}.wav").hardlink_to(recording)
