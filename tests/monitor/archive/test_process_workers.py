"""Worker processes: the same rows as threads make, also when one dies; and none that outlives its work."""

import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from pathlib import Path

import psutil
import pytest

from monitor.archive.crew import by_threads
from monitor.archive.outcome import Failed
from monitor.archive.process_workers import by_processes
from monitor.archive.recordings import Found, find_recordings
from monitor.archive.scoring import Manner, Models, Running
from monitor.transcribers.none import NoTranscriber
from stser_core.errors import CheckpointError, PipelineError
from stser_core.scores import EmotionScores

OVERDRIVEN = 0.3


class Loudest:
    """Finds loud speech angry, slowly; and `dies` of speech that is overdriven."""

    name = "loudest"

    def __init__(self, pause_s: float, dies: Callable[[], None] | None) -> None:
        self._pause_s = pause_s
        self._dies = dies

    def score(self, utterances):
        time.sleep(self._pause_s)
        if self._dies is not None and any(abs(spoken.samples).mean() > OVERDRIVEN for spoken in utterances):
            self._dies()
        angry = [min(0.97, float(abs(spoken.samples).max())) for spoken in utterances]
        each = [(one, (1 - one) / 2, (1 - one) / 4, (1 - one) / 4) for one in angry]
        return [EmotionScores({"speech": shares}, shares) for shares in each]


def load(traces: Path | None = None, pause_s: float = 0, dies: Callable[[], None] | None = None) -> Models:
    """Load a worker's models, and leave a trace of which process it is."""
    if traces is not None:
        (traces / str(os.getpid())).touch()
    return Models(Loudest(pause_s, dies), NoTranscriber())


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def be_killed_the_first_time(trace: Path) -> None:
    if not trace.exists():
        trace.touch()
        be_killed()


def be_killed_while_loading() -> Models:
    be_killed()
    raise AssertionError


def have_no_checkpoint() -> Models:
    raise CheckpointError("There is no checkpoint 'gone'.")


def with_processes(found, load, running=None, workers=2):
    return sorted(by_processes(found, load, Manner(), workers, running or Running()), key=attrgetter("recording"))


@pytest.fixture
def found(recordings, tmp_path):
    """Every third recording, a broken one among them."""
    return find_recordings(str(recordings), tmp_path)[1::3]


@pytest.fixture
def expected(found):
    outcomes = sorted(by_threads(found, load(), Manner(), 1, Running()), key=attrgetter("recording"))
    assert any(isinstance(outcome, Failed) for outcome in outcomes)
    return outcomes


@pytest.fixture
def traces(tmp_path):
    (tmp_path / "traces").mkdir()
    return tmp_path / "traces"


def ended(traces):
    """Whether the processes that left a trace are gone, at once or in a moment."""
    deadline = time.monotonic() + 10
    while any(psutil.pid_exists(int(trace.name)) for trace in traces.iterdir()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_processes_bring_every_outcome_once(found, expected, traces):
    assert with_processes(found, partial(load, traces)) == expected

    pids = {int(trace.name) for trace in traces.iterdir()}
    assert len(pids) == 2 and os.getpid() not in pids
    assert ended(traces)


def test_there_are_no_more_processes_than_recordings(found, expected, traces):
    assert with_processes(found[:1], partial(load, traces), workers=3) == expected[:1]

    assert len(list(traces.iterdir())) == 1


def test_a_process_that_is_killed_loses_nothing(found, expected, traces):
    outcomes = []
    for outcome in by_processes(found, partial(load, traces, 0.05), Manner(), 2, Running()):
        outcomes.append(outcome)
        if len(outcomes) == 2:
            os.kill(int(next(traces.iterdir()).name), signal.SIGKILL)

    assert sorted(outcomes, key=attrgetter("recording")) == expected
    assert len(list(traces.iterdir())) >= 3


def test_a_recording_that_was_lost_is_tried_again_alone(found, deadly, tmp_path):
    dies_once = partial(be_killed_the_first_time, tmp_path / "died")
    outcomes = list(by_processes([deadly, *found], partial(load, dies=dies_once), Manner(), 2, Running()))

    assert outcomes[-1] == next(by_threads([deadly], load(), Manner(), 1, Running()))
    assert len(outcomes) == len(found) + 1


def test_a_recording_that_kills_whoever_hears_it_is_its_own_failure(found, expected, deadly):
    outcomes = with_processes([deadly, *found], partial(load, dies=be_killed))

    (lost,) = [outcome for outcome in outcomes if outcome not in expected]
    assert [outcome for outcome in outcomes if outcome is not lost] == expected
    assert lost.recording == "deadly.flac"
    assert "Twice" in lost.reason and "was ended by SIGKILL (is memory short?)" in lost.reason


def test_processes_that_die_again_and_again_end_the_run(deadly):
    copies = [Found(f"{number}.flac", deadly.path) for number in range(20)]

    with pytest.raises(PipelineError, match=r"5 worker processes in a row .* ended by SIGKILL .*try fewer --workers"):
        with_processes(copies, partial(load, dies=be_killed))


@pytest.mark.parametrize(
    ("load", "sentence"),
    [
        (be_killed_while_loading, r"ended by SIGKILL \(is memory short\?\) while it loaded the models; try fewer"),
        (have_no_checkpoint, r"could not load the models \(There is no checkpoint 'gone'\)\.$"),
        (partial(int, "no number"), r"could not load the models \(ValueError: .*'no number'\)\.$"),
    ],
)
def test_processes_without_models_end_the_run(found, load, sentence):
    with pytest.raises(PipelineError, match=sentence):
        with_processes(found, load)


def test_a_halt_ends_the_processes_at_once(found, traces):
    running = Running()
    outcomes = by_processes(found, partial(load, traces, 0.2), Manner(), 2, running)
    next(outcomes)
    running.halt()

    assert len(list(outcomes)) < len(found) - 1
    assert ended(traces)
    assert running.position_s == 0


def test_what_is_being_heard_elsewhere_counts(found, watched):
    long = max(found, key=lambda one: Path(one.path).stat().st_size)
    (scored,) = by_processes([long], partial(load, pause_s=1.5), Manner(), 1, watched.running)

    assert 0 < max(watched.positions) <= scored.finished.heard_s
    assert watched.running.position_s == 0


@pytest.fixture
def watched():
    """What a view sees that looks at the progress now and then."""
    seen = Watched()
    watcher = threading.Thread(target=seen.watch)
    watcher.start()
    yield seen
    seen.over.set()
    watcher.join()


class Watched:
    def __init__(self):
        self.running = Running()
        self.positions = []
        self.over = threading.Event()

    def watch(self):
        while not self.over.wait(0.05):
            self.positions.append(self.running.position_s)
