"""Recordings scored by several threads, and what goes wrong with one of them."""

import shutil

import pytest

from monitor.archive.recordings import Found
from monitor.archive.scoring import Failed, RecordingScorer, Running
from monitor.archive.workers import outcomes, processors, threads


@pytest.fixture
def found(recordings):
    return [
        Found(path.relative_to(recordings).as_posix(), str(path)) for path in sorted(recordings.rglob("call-00*.*"))
    ]


def test_halted_threads_bring_no_more(found, models):
    running = Running()
    with threads(RecordingScorer(models), 1, running) as submit:
        made = outcomes(found, submit, 1, running)
        next(made)
        running.halt()

        assert list(made) == []


def test_an_unforeseen_fault_is_that_recording_s_alone(found, models):
    class Broken:
        name = "broken"

        def score(self, utterances):
            raise ZeroDivisionError("by zero")

    outcome = RecordingScorer(models.__class__(Broken(), models.transcriber))(found[0], Running())

    assert isinstance(outcome, Failed)
    assert "ZeroDivisionError" in outcome.reason


def test_a_recording_that_grows_while_it_is_read_is_not_done(tmp_path, found, models):
    path = tmp_path / "growing.wav"
    shutil.copy(found[0].path, path)

    class Growing:
        name = "growing"

        def score(self, utterances):
            with path.open("ab") as file:
                file.write(b"more")
            return models.scorer.score(utterances)

    scorer = RecordingScorer(models.__class__(Growing(), models.transcriber))
    outcome = scorer(Found("growing.wav", str(path)), Running())

    assert isinstance(outcome, Failed)
    assert "changed while it was read" in outcome.reason


def test_a_worker_that_fails_costs_its_recording_alone(found, models):
    class Exits(RecordingScorer):
        def __call__(self, one, running):
            if one == found[1]:
                raise SystemExit
            return super().__call__(one, running)

    running = Running()
    with threads(Exits(models), 2, running) as submit:
        made = list(outcomes(found, submit, 2, running))

    assert len(made) == len(found)
    assert [one.recording for one in made if isinstance(one, Failed)] == [found[1].name]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"own": "0::/app\n", "app/cpu.max": "150000 100000"}, 2),
        ({"own": "0::/app/job\n", "app/job/cpu.max": "max 100000", "app/cpu.max": "50000 100000"}, 1),
        ({"own": "0::/\n", "cpu.max": "max 100000"}, None),
        ({"own": "4:cpu,cpuacct:/app\n", "cpu,cpuacct/app/cpu.cfs_quota_us": "100000",
          "cpu,cpuacct/app/cpu.cfs_period_us": "100000"}, 1),
        ({"own": "4:cpuacct,cpu:/app\n", "cpu/app/cpu.cfs_quota_us": "150000",
          "cpu/app/cpu.cfs_period_us": "100000"}, 2),
        ({"own": "3:cpu:/\n", "cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"own": "nonsense\n0::/../app\n"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_a_container_s_limit_counts(limits, expected, tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)), raising=False)
    for name, content in limits.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)

    assert processors(tmp_path, tmp_path / "own") == (expected or 8)
