"""A live timeline over several runs, killed and started again: every finished turn of all of them is there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from monitor.timeline.file import read_timeline
from stser_core.audio import load_mono

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="POSIX signals")]

CLIPS = ("03a02Nc", "08a01Wa", "10a02Fa")
PATIENCE_S = 120


@pytest.fixture(scope="module")
def speech(data: Path) -> bytes:
    """Three utterances with pauses between them, as raw PCM."""
    pause = np.zeros(16_000, dtype=np.float32)
    clips = [load_mono(data / "emodb" / f"{name}.flac") for name in CLIPS]
    sound = np.concatenate([part for clip in clips for part in (clip, pause)])
    return (sound * 32_767).astype("<i2").tobytes()


def start(checkpoint: Path, *options: str) -> subprocess.Popen[bytes]:
    code = "import sys; from monitor.cli import main; sys.exit(main())"
    usual = ["--device", "-", "--asr", "none", "--quiet", "--checkpoint", str(checkpoint)]
    return subprocess.Popen([sys.executable, "-c", code, *usual, *options], stdin=subprocess.PIPE)


def test_killed_and_started_again_every_finished_turn_is_there(speech, scratch_checkpoint, tmp_path):
    files = [tmp_path / "day.csv", tmp_path / "day.jsonl"]
    options = ["--csv", str(files[0]), "--jsonl", str(files[1])]
    for session in (1, 2, 3):
        process = start(scratch_checkpoint, *options)
        assert process.stdin is not None
        process.stdin.write(speech)
        process.stdin.flush()
        deadline = time.monotonic() + PATIENCE_S
        # The last turn ends with the stream only: it is in hand when the process is killed.
        while not all(path.exists() and path.read_bytes().count(b"\n") >= 3 * session for path in files):
            assert time.monotonic() < deadline, [path.read_text() for path in files if path.exists()]
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdin.close()
        for path in files:  # as a power cut may leave it
            with path.open("ab") as file:
                file.write(b"-,1,speaker1,99,")
    for path in files:
        turns = read_timeline(path).turns
        assert len(turns) >= 9
        assert [turn.turn for turn in turns] == sorted({turn.turn for turn in turns})
        assert len({str(turn.extra["started_at"])[:19] for turn in turns}) >= 3


def test_a_run_that_fails_at_once_leaves_the_morning_s_timeline(scratch_checkpoint, tmp_path):
    path = tmp_path / "day.csv"
    path.write_text("the morning's\n")
    process = start(tmp_path / "no checkpoint", "--csv", str(path), "--overwrite")
    process.communicate(b"")
    assert process.returncode == 1
    assert path.read_text() == "the morning's\n"
