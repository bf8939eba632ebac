"""However a monitor ends, every finished turn is in a readable file; `./scripts/soak` ends a hundred."""

import os
import signal
import time

import pytest
from kills import kill_often
from monitors import Monitor
from speech import minute

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="Windows has neither these signals nor forks"),
]


@pytest.fixture
def options(scratch_checkpoint):
    return ["--checkpoint", str(scratch_checkpoint)]


def test_random_moments(options):
    found = kill_often(8, 0, options, say=lambda sentence: None)
    assert found.faults == []
    assert set(found.done.values()) == {2}
    assert found.turns > 0


def test_a_slow_reader_gets_every_turn(options):
    sound = minute()
    monitor = Monitor(["--jsonl", "-", *options], sound, reads_slowly=True)
    assert monitor.end() == 0
    assert monitor.said.count(b"\n") == 18


def test_a_reader_that_goes_away_ends_it(options):
    monitor = Monitor(["--jsonl", "-", *options], minute() * 5)
    monitor.wait_for_lines(1)
    monitor.stop_reading()
    assert monitor.end() == 141


def test_a_monitor_that_is_stopped_and_continued_loses_nothing(options):
    monitor = Monitor(["--jsonl", "-", *options], minute())
    monitor.wait_for_lines(1)
    monitor.signal(signal.SIGSTOP)
    time.sleep(0.5)
    monitor.signal(signal.SIGCONT)
    assert monitor.end() == 0
    assert monitor.said.count(b"\n") == 18


def test_one_that_fails_at_once_leaves_an_older_timeline(tmp_path):
    (tmp_path / "day.csv").write_text("recording,chan")  # as a killed run left it; a run would repair it
    arguments = ["--csv", str(tmp_path / "day.csv"), "--overwrite", "--checkpoint", str(tmp_path / "missing")]
    assert Monitor(arguments).end() == 1
    assert (tmp_path / "day.csv").read_text() == "recording,chan"
