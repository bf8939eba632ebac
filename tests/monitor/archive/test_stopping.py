"""The command `archive` when it is stopped, killed and taken up again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROGRAM = [sys.executable, "-c", "import sys; from monitor.cli import main; sys.exit(main())"]


def started(recordings, out, usual):
    """Start it with two workers, in a process group of its own, as in a terminal."""
    return subprocess.Popen(
        [*PROGRAM, "archive", str(recordings), "--out", str(out), "--workers", "2", *usual],
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        start_new_session=True,
    )


def wait_for_timelines(out, count, process):
    deadline = time.monotonic() + 120
    while sum(1 for _ in out.rglob("*.*.csv")) < count:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)


def wait_for_the_group_to_end(group):
    """Wait until no process of it is left; fails where one goes on."""
    deadline = time.monotonic() + 10
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.02)


def test_killed_in_the_middle_and_taken_up_again_it_is_an_unbroken_run(
    done, recordings, usual, archive, contents, tmp_path
):
    out = tmp_path / "timelines"
    process = started(recordings, out, usual)
    wait_for_timelines(out, 3, process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    wait_for_the_group_to_end(process.pid)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.*.csv")}
    assert 3 <= len(before) < 10

    assert archive(recordings, "--out", out, "--quiet") == 0

    kept = [path for path, written in before.items() if path.stat().st_mtime_ns == written]
    assert len(kept) >= len(before) - 1  # at most the one whose done marker was still to be written
    assert contents(out) == contents(done)


def test_a_signal_stops_it_soon_and_keeps_what_is_finished(done, recordings, usual, contents, tmp_path):
    out = tmp_path / "timelines"
    process = started(recordings, out, usual)
    wait_for_timelines(out, 2, process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    wait_for_the_group_to_end(process.pid)

    assert process.returncode == 130
    assert "Traceback" not in said
    made = contents(out)
    assert len(made["timelines"]) == len(made["calls"]) >= 2
    assert set(made["failures"].splitlines()) <= set(contents(done)["failures"].splitlines())
