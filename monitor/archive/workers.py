"""Scores an archive's recordings in threads of this process, or in actors of a Ray cluster.

Workers only score; the process that started them keeps every result. So no worker needs to reach the archive, and one
that fails or is lost costs no more than its recording, which the next run tries again.
"""

from __future__ import annotations

import logging
import math
import os
import socket
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

from monitor.archive.recordings import Found
from monitor.archive.scoring import Failed, Outcome, RecordingScorer, Running
from monitor.speakers.diarization import Halted
from stser_core.errors import MissingExtraError, PipelineError, UsageError

AUTO = "auto"

_LOCAL = "local"
_LOOK_S = 0.1
_PATIENCE_S = 10.0
_MOST_RESTARTS = 8
"""Of one Ray worker; without a limit, one that crashes while it loads the models would be restarted for ever."""
_QUIET: Mapping[str, Any] = MappingProxyType({"logging_level": logging.CRITICAL, "log_to_driver": False})

# Read when Ray is imported, and by all that it starts: no telemetry, and no cluster that starts by itself when ours
# has ended.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # otherwise it reports on standard error every worker that it restarts
}
# Ray binds to the loopback interface alone only where it is told that it is not to be a cluster.
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


def by_threads(
    recordings: Sequence[Found], scorer: RecordingScorer, workers: int, running: Running
) -> Iterator[Outcome]:
    """Score recordings in several threads, which share the models.

    Args:
        recordings: What to score.
        scorer: Makes a recording's timeline.
        workers: How many threads.
        running: Ends it all when halted.

    Yields:
        The outcome of each, as soon as it is known; fewer where `running` was halted.
    """
    waiting = iter(recordings)
    pending: dict[Future[Outcome], Found] = {}
    with ThreadPoolExecutor(workers, thread_name_prefix="archive") as pool:
        try:
            while True:
                if not running.halted:
                    for found in islice(waiting, workers - len(pending)):
                        pending[pool.submit(scorer, found, running)] = found
                if not pending:
                    return
                # Short waits, since on some systems no signal is seen during a long one.
                done, _ = wait(pending, _LOOK_S, FIRST_COMPLETED)
                for future in done:
                    found = pending.pop(future)
                    error = future.exception()
                    if error is None:
                        yield future.result()
                    elif not isinstance(error, Halted):
                        yield Failed(found.name, f"Its worker failed ({type(error).__name__}: {error}).")
        except BaseException:  # also where nobody takes what is yielded any more
            running.halt()
            raise


@contextmanager
def connected(address: str, workers: int) -> Iterator[None]:
    """Join a Ray cluster, or start one that only this machine can reach.

    Args:
        address: `auto`, or where the cluster's head is (`HOST:PORT`). With `auto`, `$RAY_ADDRESS` counts, and without
            it a cluster is started here, on the loopback interface and without a dashboard, which ends with us.
        workers: How many workers a cluster that is started here is to have room for.

    Raises:
        MissingExtraError: Ray is not installed.
        UsageError: No cluster is found at that address.
    """
    where = os.environ.get("RAY_ADDRESS", _LOCAL) if address == AUTO else address
    os.environ.update(_ENVIRONMENT | (_LOOPBACK if where == _LOCAL else {}))
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("--ray", "ray") from error
    logging.getLogger("ray").setLevel(logging.CRITICAL)  # what matters comes back as an exception
    if where == _LOCAL:
        ray.init(_LOCAL, num_cpus=workers, include_dashboard=False, _system_config={"worker_niceness": 0}, **_QUIET)
    else:
        _join(where)
    try:
        yield
    finally:
        ray.shutdown()


def _join(address: str) -> None:
    import ray

    try:
        host, _, port = address.rpartition(":")
        if port.isdecimal() and "/" not in host:
            # Ray itself tries for most of a minute.
            socket.create_connection((host.strip("[]"), int(port)), _PATIENCE_S).close()
        ray.init(address, **_QUIET)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise UsageError(f"No Ray cluster was found at '{address}' ({reason}); --ray auto starts one here.") from error


class RayWorker:
    """An actor of a Ray cluster: loads the models once, and scores the recordings that it is given."""

    def __init__(self, load: Callable[[], RecordingScorer]) -> None:
        """Load the models with `load`."""
        self._scorer = load()

    def models(self) -> tuple[str, str]:
        """The names of the checkpoint and the transcriber."""
        return self._scorer.models.scorer.name, self._scorer.models.transcriber.name

    def score(self, found: Found) -> Outcome:
        """Make a recording's timeline."""
        return self._scorer(found, Running())


def by_ray(
    recordings: Sequence[Found],
    load: Callable[[], RecordingScorer],
    models: tuple[str, str],
    workers: int,
    running: Running,
) -> Iterator[Outcome]:
    """Score recordings on the cluster that `connected` has joined.

    A recording whose worker is lost is given once more to the worker that Ray starts in its place; if that is lost too,
    the recording is a failure. A worker that is lost over and over while it loads the models is given up.

    Args:
        recordings: Each worker must reach them under the same paths.
        load: Called by each worker once; Ray carries it there.
        models: The names of the checkpoint and the transcriber here; other ones are refused.
        workers: How many.
        running: Ends it all when halted.

    Yields:
        The outcome of each, as soon as it is known.

    Raises:
        PipelineError: No worker can do the work.
    """
    import ray
    from ray.exceptions import RayError

    actor: Any = ray.remote(num_cpus=1, max_restarts=_MOST_RESTARTS, max_task_retries=1)(RayWorker)
    starting: dict[Any, Any] = {one.models.remote(): one for one in (actor.remote(load) for _ in range(workers))}
    waiting: deque[Found] = deque(recordings)
    idle: list[Any] = []
    busy: dict[Any, tuple[Any, Found]] = {}
    while (waiting or busy) and not running.halted:
        while idle and waiting:
            worker, found = idle.pop(), waiting.popleft()
            busy[worker.score.remote(found)] = worker, found
        done, _ = ray.wait([*starting, *busy], num_returns=1, timeout=_LOOK_S)
        for each in done:
            try:
                result, reason = ray.get(each), ""
            except RayError as error:
                result, reason = None, str(error).strip().rpartition("\n")[2].rstrip(".")
            if each in busy:
                worker, found = busy.pop(each)
                yield result or Failed(found.name, f"The Ray worker that scored it was lost twice ({reason}).")
            else:
                worker = starting.pop(each)
                if result not in (None, models):
                    raise PipelineError(
                        f"A Ray worker has {' and '.join(result)}, but the archive is made with "
                        f"{' and '.join(models)}; install the same on every machine."
                    )
                if result is None:
                    continue
            if result is not None:
                idle.append(worker)
            else:
                ray.kill(worker)
                worker = actor.remote(load)
                starting[worker.models.remote()] = worker
        if waiting and not (starting or idle or busy):
            raise PipelineError(f"No worker of the Ray cluster could load the models ({reason}).")


def processors(groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """The number of processors that this process may use: its affinity, within the limits of its container.

    Args:
        groups: Where the kernel shows its control groups, version 2 (`cpu.max`) or 1 (`cpu.cfs_quota_us`).
        own: Which of them this process is in, a line `NUMBER:CONTROLLERS:/PATH` for each hierarchy.
    """
    limit = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        lines = []
    for _, controllers, path in (line for line in lines if len(line) == 3):
        if controllers not in ("", "cpu", "cpu,cpuacct"):
            continue
        root = groups / controllers
        files = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if controllers else ("cpu.max",)
        folder = root / path.lstrip("/")
        for group in (folder, *folder.parents):
            if not group.is_relative_to(root):
                break
            with suppress(OSError, ValueError, ZeroDivisionError):  # there is none, or its limit is `max`
                quota, period = " ".join((group / name).read_text() for name in files).split()
                limit = min(limit, int(quota) / int(period)) if int(quota) > 0 else limit
    return max(1, math.ceil(limit))
