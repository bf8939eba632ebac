"""The same work on Ray: actors that hold the models, on this machine or on many, and recordings that stream through.

Workers only hear and score; the process that started them keeps every result, as it does with threads. So
no worker needs to reach the archive, a worker that is lost takes nothing with it (Ray starts another and gives it the
recordings again, each once), and nothing is ever kept twice.
"""

from __future__ import annotations

import logging
import os
import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from monitor.archive.crew import gather
from monitor.archive.outcome import Failed, Finished, Outcome, Scored
from monitor.archive.recordings import Found
from monitor.archive.scoring import LoadModels, Manner, Running, score_recording
from monitor.timeline.turn import Turn
from stser_core.errors import MissingExtraError, PipelineError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from ray.actor import ActorHandle

AUTO = "auto"

_LOCAL = "local"
_PATIENCE_S = 10.0
_TIMES = 2
"""So often, at most, a recording is begun."""
_QUIET: Mapping[str, Any] = MappingProxyType({"logging_level": logging.CRITICAL, "log_to_driver": False})

# Read when Ray is imported, and by all that it starts: no telemetry, and no cluster that starts by itself when ours
# has ended.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # else its core tells on standard error of every worker that it restarts
}
# Ray binds to the loopback interface alone only where it is told that it is not to be a cluster.
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
_COLUMN = "packed"
_Batch: TypeAlias = "dict[str, NDArray[np.object_]]"


class _Packed(msgspec.Struct):
    """An outcome on its way through Ray's object store."""

    finished: Finished | None = None
    turns: tuple[Turn, ...] = ()
    notice: str | None = None
    recording: str = ""
    reason: str = ""


class Begun:
    """An actor: knows how often each recording was begun.

    Ray itself would give a recording that kills its worker to another one for ever.
    """

    def __init__(self) -> None:
        self._times: Counter[str] = Counter()

    def once_more(self, recording: str) -> bool:
        """Whether a recording may be begun, which then counts."""
        self._times[recording] += 1
        return self._times[recording] <= _TIMES


class RecordingScorer:
    """An actor: loads the models once, and makes the timelines of the recordings that it is given."""

    def __init__(self, load: LoadModels, manner: Manner, names: tuple[str, str], begun: ActorHandle[Begun]) -> None:
        """Load the models.

        Args:
            load: How.
            manner: How recordings become timelines.
            names: What the checkpoint and the recogniser are called where the archive is.
            begun: Knows what workers that were lost had begun.

        Raises:
            PipelineError: Here they are others.
        """
        self._models = load()
        here = self._models.scorer.name, self._models.transcriber.name
        if here != names:
            raise PipelineError(
                f"A Ray worker has {' and '.join(here)}, but the archive is made with {' and '.join(names)}; "
                "install the same on every machine."
            )
        self._manner = manner
        self._begun = begun

    def __call__(self, batch: _Batch) -> _Batch:
        """Make the timelines of a batch, as `ray.data.Dataset.map_batches` calls it."""
        import numpy as np

        outcomes = np.empty(len(batch[_COLUMN]), dtype=object)
        for place, packed in enumerate(batch[_COLUMN]):
            name, path = msgspec.msgpack.decode(packed, type=tuple[str, bytes])
            outcomes[place] = _pack(self._outcome(Found(name, os.fsdecode(path))))
        return {_COLUMN: outcomes}

    def _outcome(self, found: Found) -> Outcome:
        import ray

        if not ray.get(self._begun.once_more.remote(found.name)):
            return Failed(found.name, "Twice, the Ray worker that heard it was lost.")
        return score_recording(found, self._models, self._manner)


@contextmanager
def connected(address: str, workers: int) -> Iterator[None]:
    """Join a Ray cluster, or start one that nobody but this machine can reach.

    Args:
        address: `auto`, or where the cluster's head is (`HOST:PORT`). With `auto`, `$RAY_ADDRESS` counts, and without
            it a cluster is started here, on the loopback interface and without a dashboard, which ends with us.
        workers: How many workers a cluster that is started here is to have room for.

    Raises:
        MissingExtraError: Ray is not installed.
        UsageError: There is no cluster at that address.
    """
    where = os.environ.get("RAY_ADDRESS", _LOCAL) if address == AUTO else address
    os.environ.update(_ENVIRONMENT | (_LOOPBACK if where == _LOCAL else {}))
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError("--ray", "ray") from error
    # Ray tells its own story at length; what matters of it comes back as an exception.
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if where == _LOCAL:
        # One processor more, for what Ray itself counts as work; and workers as urgent as threads are.
        own = {"worker_niceness": 0}
        ray.init(_LOCAL, num_cpus=workers + 1, include_dashboard=False, _system_config=own, **_QUIET)
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
        raise UsageError(f"There is no Ray cluster at '{address}' ({reason}); --ray auto starts one here.") from error


def by_ray(
    recordings: Sequence[Found],
    load: LoadModels,
    manner: Manner,
    names: tuple[str, str],
    workers: int,
    running: Running,
) -> Iterator[Outcome]:
    """Score recordings on the cluster that `connected` has joined.

    Args:
        recordings: Each worker must reach them under the same paths.
        load: Called by each worker once; Ray carries it there.
        manner: How recordings become timelines.
        names: See `RecordingScorer`.
        workers: How many.
        running: Ends it all when halted.

    Yields:
        What becomes of each, as soon as it is known.

    Raises:
        PipelineError: The cluster cannot do the work.
    """
    return gather([lambda: _streamed(recordings, load, manner, names, workers)], running)


def _streamed(
    recordings: Sequence[Found], load: LoadModels, manner: Manner, names: tuple[str, str], workers: int
) -> Iterator[Outcome]:
    import ray
    import ray.data
    from ray.exceptions import RayError

    begun = ray.remote(num_cpus=0)(Begun).remote()
    ray.data.DataContext.get_current().enable_progress_bars = False
    packed = [{_COLUMN: msgspec.msgpack.encode((found.name, os.fsencode(found.path)))} for found in recordings]
    # A block for each recording, so that each result is kept when it is there, and a lost worker repeats one only.
    streamed = ray.data.from_items(packed, override_num_blocks=len(packed)).map_batches(
        RecordingScorer,
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=1,
        fn_constructor_args=(load, manner, names, begun),
    )
    try:
        for batch in streamed.iter_batches(batch_size=None, prefetch_batches=0):
            yield from map(_unpack, batch[_COLUMN])
    except RayError as error:
        reason = str(error).strip().rpartition("\n")[2].rstrip(".")
        raise PipelineError(f"The Ray cluster could not do the work ({reason}).") from error


def _pack(outcome: Outcome) -> bytes:
    if isinstance(outcome, Failed):
        return msgspec.msgpack.encode(_Packed(recording=outcome.recording, reason=_printable(outcome.reason)))
    return msgspec.msgpack.encode(_Packed(outcome.finished, tuple(outcome.turns), outcome.notice))


def _unpack(packed: bytes) -> Outcome:
    one = msgspec.msgpack.decode(packed, type=_Packed)
    if one.finished is None:
        return Failed(one.recording, one.reason)
    return Scored(one.finished, one.turns, one.notice)


def _printable(text: str) -> str:
    """Text without lone surrogates (from a file name that is no UTF-8), which cannot travel."""
    return text.encode("utf-8", errors="backslashreplace").decode()
