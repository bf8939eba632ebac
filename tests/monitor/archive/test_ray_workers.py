"""Ray: the same rows as threads make, also when a worker is killed, and nothing that others could reach."""

import os
import signal
import time
from functools import partial
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path

import pytest

from monitor.archive import workers
from monitor.archive.recordings import find_recordings
from monitor.archive.scoring import Failed, RecordingScorer, Running
from monitor.archive.workers import cluster, outcomes, threads
from monitor.pipeline.opening import Models
from monitor.transcribers import NoTranscriber
from stser_core.errors import CheckpointError, PipelineError, UsageError
from stser_core.scores import EmotionScores

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
    pytest.mark.filterwarnings("ignore"),  # Ray's own
]

NAMES = ("loudest", "none")


OVERDRIVEN = 0.3


def scorer_that_leaves_a_trace(traces: str, deadly: bool = False) -> RecordingScorer:
    """Models of a worker that writes down which process it is, and takes its time; without a folder, neither.

    Where overdriven speech is `deadly`, whoever hears it is killed.
    """

    class Loudest:
        name = "loudest"

        def score(self, utterances):
            time.sleep(0.1 if traces else 0)
            if deadly and any(abs(spoken.samples).mean() > OVERDRIVEN for spoken in utterances):
                os.kill(os.getpid(), signal.SIGKILL)
            angry = [min(0.97, float(abs(spoken.samples).max())) for spoken in utterances]
            each = [(one, (1 - one) / 2, (1 - one) / 4, (1 - one) / 4) for one in angry]
            return [EmotionScores({"speech": shares}, shares) for shares in each]

    if traces:
        (Path(traces) / str(os.getpid())).touch()
    return RecordingScorer(Models(Loudest(), NoTranscriber()))


def listening_elsewhere() -> list[str]:
    """Addresses on which a process of this test listens, but for those of the loopback interface."""
    import psutil

    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    found = []
    for process in family:
        found += [one.laddr.ip for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN]
    return [ip for ip in found if not ip.removeprefix("::ffff:").startswith("127.") and ip != "::1"]


@pytest.fixture
def found(recordings, tmp_path):
    """Every other recording, a broken one among them."""
    return find_recordings(str(recordings), tmp_path)[::2]


@pytest.fixture
def traces(tmp_path):
    (tmp_path / "traces").mkdir()
    return tmp_path / "traces"


@pytest.fixture
def expected(found):
    """What threads make of the same recordings, in the order of their names."""
    running = Running()
    with threads(scorer_that_leaves_a_trace(""), 2, running) as submit:
        return sorted(outcomes(found, submit, 2, running), key=attrgetter("recording"))


def by_ray(recordings, load, names=NAMES):
    with cluster("local", 2, load, names) as submit:
        yield from outcomes(recordings, submit, 2, Running())


def test_a_worker_that_is_killed_loses_nothing_but_what_kills_every_worker(found, deadly, traces, expected):
    load = partial(scorer_that_leaves_a_trace, str(traces), deadly=True)
    made = []
    for outcome in by_ray([*found, deadly], load):
        made.append(outcome)
        if len(made) == 3:
            assert listening_elsewhere() == []
            (first, *_) = sorted(traces.iterdir())
            os.kill(int(first.name), signal.SIGKILL)

    (lost,) = [one for one in made if one.recording == "deadly.flac"]
    made.remove(lost)
    assert isinstance(lost, Failed) and "WorkerCrashedError" in lost.reason
    assert any(isinstance(outcome, Failed) for outcome in made)
    assert sorted(made, key=attrgetter("recording")) == expected
    assert len(list(traces.iterdir())) >= 2


def scorer_without_a_checkpoint() -> RecordingScorer:
    raise CheckpointError("There is no checkpoint 'x'.")


def test_a_worker_whose_models_are_others_ends_the_archive(found):
    load = partial(scorer_that_leaves_a_trace, "")
    with pytest.raises(PipelineError, match="has loudest and none, but the archive is made with other"):
        list(by_ray(found, load, ("other", "none")))
    with pytest.raises(PipelineError, match="could not load the models: There is no checkpoint 'x'"):
        workers._score("run", scorer_without_a_checkpoint, NAMES, found[0])


def test_no_cluster_at_that_address():
    with (
        pytest.raises(UsageError, match=r"No Ray cluster was found at '127\.0\.0\.1:1'"),
        cluster("127.0.0.1:1", 1, scorer_without_a_checkpoint, NAMES),
    ):
        pass
