"""How far, how fast and how long still."""

import pytest

from monitor.archive import run
from monitor.archive.recordings import Found
from monitor.archive.run import Plan, Progress, duration

SIZES = {"a.wav": 100, "b.wav": 200, "c.wav": 300, "done.wav": 400}


@pytest.fixture
def clock():
    return [100.0]


@pytest.fixture
def progress(clock, monkeypatch):
    monkeypatch.setattr(run, "size_of", lambda found: SIZES[found.name])
    found = [Found(name, name) for name in SIZES]
    return Progress(Plan(found, found[:3], 0), position_s=lambda: 0.0, now=lambda: clock[0])


def test_nothing_is_promised_before_the_first_recording_is_done(progress, clock):
    clock[0] += 5

    assert progress.left_s is None
    assert progress.line() == "1 of 4 recordings, 0.00 h scored, 0 h an hour"


def test_rate_and_time_left_are_those_of_this_run(progress, clock):
    clock[0] += 10
    progress.count("a.wav", 1_000.0)
    progress.count("b.wav", None)

    assert progress.hours_an_hour == pytest.approx(100)
    assert progress.left_s == pytest.approx(10)  # 300 bytes in 10 s, and 300 to go
    assert progress.line() == "3 of 4 recordings, 1 failed, 0.28 h scored, 100 h an hour, 10 s left"


def test_sound_that_is_being_scored_counts_for_the_rate(clock):
    progress = Progress(Plan([], [], 0), position_s=lambda: 50.0, now=lambda: clock[0])
    clock[0] += 5

    assert progress.hours_an_hour == pytest.approx(10)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "0 s"), (99.4, "99 s"), (120, "2 min"), (5_900, "98 min"), (7_500, "2 h 05 min")]
)
def test_durations_are_said_as_people_say_them(seconds, said):
    assert duration(seconds) == said
