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
from monitor.archive.scoring import Failed, Models, RecordingScorer, Running
from monitor.archive.workers import by_ray, by_threads, connected
from monitor.transcribers.none import NoTranscriber
from stser_core.errors import PipelineError, UsageError
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


@pytest.fixture(scope="module")
def cluster():
    """A cluster of two workers, on this machine only."""
    with connected("local", 2):
        yield


@pytest.fixture
def found(recordings, tmp_path):
    """Every other recording, a broken one among them."""
    return find_recordings(str(recordings), tmp_path)[::2]


@pytest.fixture
def traces(tmp_path):
    (tmp_path / "traces").mkdir()
    return tmp_path / "traces"


def test_a_worker_that_is_killed_loses_nothing(cluster, found, traces):
    expected = list(by_threads(found, scorer_that_leaves_a_trace(""), 2, Running()))
    outcomes = []
    for outcome in by_ray(found, partial(scorer_that_leaves_a_trace, str(traces)), NAMES, 2, Running()):
        outcomes.append(outcome)
        if len(outcomes) == 3:
            assert listening_elsewhere() == []
            (first, *_) = sorted(traces.iterdir())
            os.kill(int(first.name), signal.SIGKILL)

    by_name = attrgetter("recording")
    assert any(isinstance(outcome, Failed) for outcome in expected)
    assert sorted(outcomes, key=by_name) == sorted(expected, key=by_name)
    assert len(list(traces.iterdir())) >= 2


def test_a_recording_that_kills_whoever_hears_it_is_its_own_failure(cluster, found, deadly):
    expected = list(by_threads(found, scorer_that_leaves_a_trace(""), 2, Running()))
    load = partial(scorer_that_leaves_a_trace, "", deadly=True)
    outcomes = by_ray([deadly, *found], load, NAMES, 2, Running())

    made = sorted(outcomes, key=attrgetter("recording"))
    (lost,) = [one for one in made if one.recording == "deadly.flac"]
    made.remove(lost)
    assert isinstance(lost, Failed) and "lost twice" in lost.reason
    assert made == sorted(expected, key=attrgetter("recording"))


def test_a_worker_with_another_checkpoint_is_refused(cluster, found):
    load = partial(scorer_that_leaves_a_trace, "")
    with pytest.raises(PipelineError, match="A Ray worker has loudest and none, but the archive is made with other"):
        list(by_ray(found, load, ("other", "none"), 2, Running()))


def test_no_cluster_at_that_address():
    with pytest.raises(UsageError, match=r"No Ray cluster was found at '127\.0\.0\.1:1'"), connected("127.0.0.1:1", 1):
        pass


def scorer_that_crashes() -> RecordingScorer:
    os._exit(1)


def test_workers_that_crash_while_they_load_end_the_archive(cluster, found, monkeypatch):
    monkeypatch.setattr(workers, "_MOST_RESTARTS", 1)
    with pytest.raises(PipelineError, match="load the models"):
        list(by_ray(found, scorer_that_crashes, NAMES, 2, Running()))
