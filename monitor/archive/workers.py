"""Scores an archive's recordings in threads of this process, or in tasks of a Ray cluster.

Workers only score; the process that started them keeps every result. So no worker needs to reach the archive, and one
that fails or is lost costs no more than its recording, which the next run tries again.
"""

import logging
import math
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

from monitor.archive.recordings import Found
from monitor.archive.scoring import Failed, Outcome, RecordingScorer, Running
from monitor.speakers import Halted
from stser_core.errors import MissingExtraError, PipelineError, StserError, UsageError, reason

AUTO = "auto"

LOCAL = "local"
_LOOK_S = 0.1
_PATIENCE_S = 10.0
_QUIET: Mapping[str, Any] = {"logging_level": logging.CRITICAL, "log_to_driver": False}

# Read when Ray is imported, and by all that it starts: no telemetry, and no cluster that starts by itself when ours
# has ended.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # otherwise it reports on standard error every worker that it restarts
}
# Ray binds to the loopback interface alone only where it is told that it is not to be a cluster.
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}

Submit: TypeAlias = Callable[[Found], "Future[Outcome]"]
"""Has a recording scored."""


def outcomes(recordings: Sequence[Found], submit: Submit, workers: int, running: Running) -> Iterator[Outcome]:
    """Have recordings scored, `workers` at once, by `threads` or a `cluster`.

    Yields:
        The outcome of each, as soon as it is known; fewer where `running` was halted.

    Raises:
        PipelineError: No worker can do the work.
    """
    waiting = iter(recordings)
    pending: dict[Future[Outcome], Found] = {}
    while not running.halted:
        for found in islice(waiting, workers - len(pending)):
            pending[submit(found)] = found
        if not pending:
            return
        # Short waits, since on some systems no signal is seen during a long one.
        done, _ = wait(pending, _LOOK_S, FIRST_COMPLETED)
        for future in done:
            found, error = pending.pop(future), future.exception()
            cause = getattr(error, "cause", error)  # Ray wraps what a task raises
            if isinstance(cause, PipelineError):
                raise cause
            if error is None:
                yield future.result()
            elif not isinstance(error, Halted):
                yield Failed(found.name, f"Its worker failed ({type(error).__name__}: {reason(error)}).")


@contextmanager
def threads(scorer: RecordingScorer, workers: int, running: Running) -> Iterator[Submit]:
    """Threads of this process, which share the models."""
    with ThreadPoolExecutor(workers, thread_name_prefix="archive") as pool:
        try:
            yield lambda found: pool.submit(scorer, found, running)
        except BaseException:
            running.halt()
            raise


@contextmanager
def cluster(
    address: str, workers: int, load: Callable[[], RecordingScorer], models: tuple[str, str]
) -> Iterator[Submit]:
    """Workers of a Ray cluster, which is `joined`; one that is started here has room for so many.

    A recording whose worker is lost is given once more to another; if that is lost too, the recording is a failure.
    Ray carries `load` to each worker, which calls it once, and refuses a checkpoint or a transcriber of another name
    than `models` gives. Raises what `joined` raises.
    """
    with joined(address, workers) as ray:
        task, run = ray.remote(num_cpus=1, max_retries=1)(_score), uuid4().hex
        yield lambda found: task.remote(run, load, models, found).future()


@contextmanager
def joined(address: str, processors: int) -> Iterator[Any]:
    """Join a Ray cluster, or start one that only this machine can reach, and leave or end it again.

    The address is `auto`, or where the cluster's head is (`HOST:PORT`). With `auto`, `$RAY_ADDRESS` counts, and without
    it a cluster of so many processors is started here, on the loopback interface and without a dashboard, which ends
    with us.

    Yields:
        The module `ray`.

    Raises:
        MissingExtraError: Ray is not installed.
        UsageError: No cluster is found at that address.
    """
    where, on_sigterm = place_of(address), signal.getsignal(signal.SIGTERM)
    os.environ.update(_ENVIRONMENT | (_LOOPBACK if where == LOCAL else {}))
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("--ray", "ray") from error
    logging.getLogger("ray").setLevel(logging.CRITICAL)  # what matters comes back as an exception
    try:
        with _muted():
            if where == LOCAL:
                system = {"worker_niceness": 0}
                ray.init(LOCAL, num_cpus=processors, include_dashboard=False, _system_config=system, **_QUIET)
            else:
                _join(where)
    except SystemExit:  # by a handler of Ray's own
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, on_sigterm)
    try:
        yield ray
    finally:
        ray.shutdown()


def place_of(address: str) -> str:
    """Where `--ray ADDRESS` means: a cluster's head, or `LOCAL` for one that is started here."""
    return os.environ.get("RAY_ADDRESS", LOCAL) if address == AUTO else address


@contextmanager
def _muted() -> Iterator[None]:
    """Discard what Ray's library itself writes to standard error, such as which level its log has."""
    stream = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(stream, 2)
        os.close(stream)


def _join(address: str) -> None:
    import ray

    try:
        host, _, port = address.rpartition(":")
        if port.isdecimal() and "/" not in host:
            # Ray itself tries for most of a minute.
            socket.create_connection((host.strip("[]"), int(port)), _PATIENCE_S).close()
        ray.init(address, **_QUIET)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"No Ray cluster was found at '{address}' ({reason(error)}); --ray auto starts one here."
        ) from error


_loaded: dict[str, RecordingScorer] = {}
"""In a process of Ray: the models, by the archive's run."""


def _score(run: str, load: Callable[[], RecordingScorer], models: tuple[str, str], found: Found) -> Outcome:
    """Make a recording's timeline, in a process of Ray that keeps the models for the next one."""
    if run not in _loaded:
        try:
            scorer = load()
        except StserError as error:
            raise PipelineError(f"A Ray worker could not load the models: {error}") from None
        here = (scorer.models.scorer.name, scorer.models.transcriber.name)
        if here != models:
            raise PipelineError(
                f"A Ray worker has {' and '.join(here)}, but the archive is made with {' and '.join(models)}; install "
                "the same on every machine."
            )
        _loaded[run] = scorer
    return _loaded[run](found, Running())


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
        if controllers and "cpu" not in controllers.split(","):
            continue
        files = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if controllers else ("cpu.max",)
        # Version 1 may name them in another order than their folder, to which `cpu` is a link then.
        for root in {groups / controllers, groups / "cpu" if controllers else groups}:
            folder = root / path.lstrip("/")
            for group in (folder, *folder.parents):
                if not group.is_relative_to(root):
                    break
                with suppress(OSError, ValueError, ZeroDivisionError):  # there is none, or its limit is `max`
                    quota, period = " ".join((group / name).read_text() for name in files).split()
                    limit = min(limit, int(quota) / int(period)) if int(quota) > 0 else limit
    return max(1, math.ceil(limit))
