"""What `./scripts/soak` tries for hours, for seconds: kills, damaged inputs, a long stream, many calls."""

import os
import signal
import subprocess
import time

import pytest
from fuzzing import MOST_GROWTH_MB, TARGETS, attacked
from kills import Monitor, kill_often
from long_stream import run
from speech import PROGRAM, SENTENCES, minute

CASES = {"audio": 500, "pcm": 200, "timelines": 200, "checkpoints": 50, "replays": 15, "lists": 100}
"""So many that all take half a minute."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="Windows has neither these signals nor forks"),
]


@pytest.mark.parametrize("target", TARGETS)
def test_what_comes_from_outside_is_taken_or_refused_in_a_sentence(target):
    found = attacked(target, CASES[target])
    assert found.fault == ""
    assert found.taken + found.refused >= CASES[target]
    assert found.taken > 0
    assert found.refused > 0
    # Each replay loads a model and starts threads, whose heaps take some rounds to settle.
    assert found.growth_mb < (2 * MOST_GROWTH_MB if target == "replays" else MOST_GROWTH_MB)


def test_many_minutes_lose_no_turn_and_take_no_memory():
    found = run(40, print, step_min=1, warm=25)
    assert found.whole
    assert found.largest_shift_ms == 0
    assert found.growth_mb < 5


def test_among_many_calls_no_finished_turn_is_lost_and_no_other_call_disturbed(scratch_checkpoint):
    pytest.importorskip("starlette")
    from calls import endure

    found = endure(30.0, arguments=("--asr", "none", "--checkpoint", str(scratch_checkpoint)))
    assert found.faults == []
    assert found.told > 50
    assert found.refused > 10


@pytest.fixture
def options(scratch_checkpoint):
    return ["--jsonl", "-", "--checkpoint", str(scratch_checkpoint)]


def test_however_a_monitor_ends_every_finished_turn_is_in_a_readable_file(options):
    found = kill_often(8, 0, options[2:], say=lambda sentence: None)
    assert found.faults == []
    assert set(found.done.values()) == {2}
    assert found.turns > 0


def test_a_monitor_that_is_stopped_and_continued_loses_nothing(options, tmp_path):
    monitor = Monitor(tmp_path, options, minute())
    monitor.wait_for_lines(1)
    monitor.signal(signal.SIGSTOP)
    time.sleep(0.5)
    monitor.signal(signal.SIGCONT)
    assert monitor.end() == 0
    assert len(monitor.lines) == SENTENCES


def test_one_that_fails_at_once_leaves_an_older_timeline(tmp_path):
    (tmp_path / "day.csv").write_text("recording,chan")  # as a killed run left it; a run would repair it
    arguments = ["--csv", str(tmp_path / "day.csv"), "--overwrite", "--checkpoint", str(tmp_path / "missing")]
    assert Monitor(tmp_path, arguments).end() == 1
    assert (tmp_path / "day.csv").read_text() == "recording,chan"


@pytest.mark.parametrize("leaves", [False, True])
def test_a_slow_reader_gets_every_turn_and_one_that_leaves_ends_it(options, tmp_path, leaves):
    (tmp_path / "sound").write_bytes(minute() * (5 if leaves else 1))
    command = [*PROGRAM, "--device", "-", "--asr", "none", "--quiet", *options]
    with (
        (tmp_path / "sound").open("rb") as sound,
        subprocess.Popen(command, stdin=sound, stdout=subprocess.PIPE, bufsize=0) as process,
    ):
        said = process.stdout.read(100)
        while not leaves and (more := process.stdout.read(100)):
            said += more
            time.sleep(0.01)
        process.stdout.close()
        assert process.wait(300) == (141 if leaves else 0)
    assert leaves or said.count(b"\n") == SENTENCES
