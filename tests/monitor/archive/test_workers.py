"""Recordings scored by several threads, what goes wrong with one of them, and how far the run is."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from monitor.archive.recordings import Found
from monitor.archive.run import Progress
from monitor.archive.scoring import Failed, Finished, RecordingScorer, Running, Scored
from monitor.archive.workers import outcomes, processors, threads
from monitor.options import AnalysisOptions, RecordingOptions
from monitor.pipeline.opening import Models
from monitor.speakers import Halted, SpeakerEmbedding
from monitor.transcribers import vosk_models


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


def test_a_fault_or_a_recording_that_grows_is_that_recording_s_alone(tmp_path, found, models):
    path = tmp_path / "growing.wav"
    shutil.copy(found[0].path, path)

    def fails(utterances):
        raise ZeroDivisionError("by zero")

    def grows(utterances):
        with path.open("ab") as file:
            file.write(b"more")
        return models.scorer.score(utterances)

    for score, why in ((fails, "ZeroDivisionError"), (grows, "changed while it was read")):
        scorer = RecordingScorer(Models(SimpleNamespace(name="x", score=score), models.transcriber))
        outcome = scorer(Found("growing.wav", str(path)), Running())
        assert isinstance(outcome, Failed)
        assert why in outcome.reason


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


def test_rate_and_time_left_are_those_of_this_run():
    clock = [100.0]
    progress = Progress(1, 4, now=lambda: clock[0])
    clock[0] += 5
    assert progress.line() == "1 of 5 recordings, 0.00 h scored, 0 times real time"

    clock[0] += 5
    progress.count(Scored(Finished("a.wav", 1, 1, 1_000.0, 1_000.0), ()))
    progress.count(Failed("b.wav", "It is empty."))
    assert progress.line() == "3 of 5 recordings, 1 failed, 0.28 h scored, 100 times real time, 0:10 left"


class ByLength:
    """Hears one voice in long utterances, and another in short ones."""

    def embed(self, samples):
        vector = [1, 0] if samples.size > 3 * 16_000 else [0, 1]
        return SpeakerEmbedding(np.array(vector, dtype=np.float32), 200)


def test_rows_name_the_voices_in_the_order_in_which_they_speak_unless_it_stops(speech, models):
    shared = Found(speech.name, str(speech))

    def scored(speakers, running):
        options = AnalysisOptions(recording=RecordingOptions(speakers))
        return RecordingScorer(replace(models, extractor=ByLength()), options)(shared, running).turns

    made = scored(2, Running())
    long = [row.end_s - row.start_s > 3 for row in made]
    assert len(set(long)) == 2
    assert [row.speaker for row in made] == ["speaker1" if one == long[0] else "speaker2" for one in long]
    assert tuple(replace(row, speaker="speaker1") for row in made) == scored(None, Running())
    halted = Running()
    halted.halt()
    with pytest.raises(Halted):
        scored(2, halted)


def test_a_missing_speaker_model_is_told_before_anything_is_done(speech, archive, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv(vosk_models.SPEAKERS_VARIABLE, raising=False)
    monkeypatch.setattr(vosk_models, "cache_dir", lambda: tmp_path / "nothing")
    out = tmp_path / "timelines"
    assert archive(speech.parent, "--out", out, "--speakers", "2", "--quiet") == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "unpack https://" in told and vosk_models.SPEAKERS in told
    assert list(out.glob("*.csv")) == []


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
        ({"own": "nonsense\n5:memory:/app\n0::/../app\n"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_a_container_s_limit_counts(limits, expected, tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)), raising=False)
    for name, content in limits.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)

    assert processors(tmp_path, tmp_path / "own") == (expected or 8)
