"""The default command with a recording in place of a microphone, on a terminal and without one."""

import csv
import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.cli import main

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals and signals"),
]

LISTEN = """
import json, sys, time
from monitor.commands.live import listen
from monitor.flow import AudioBlock
from monitor.options import AlertOptions, ListenOptions, OutputOptions, ScoringOptions, TranscriptionOptions
from monitor.sources.recording import Recording
class Paced(Recording):
    over = False
    def stop(self):
        self.over = True
    def blocks(self):
        for block in super().blocks():
            for start in range(0, block.samples.shape[1], 1_600):  # as a microphone's
                time.sleep(0.1 if real_time else 0.025)
                if self.over:
                    return
                yield AudioBlock(block.start + start, block.samples[:, start : start + 1_600])
call, checkpoint, outputs, alerts, others, real_time = json.loads(sys.argv[1])
source = Paced(call)
options = ListenOptions(
    scoring=ScoringOptions(checkpoint=checkpoint),
    transcription=TranscriptionOptions("none"),
    output=OutputOptions(**outputs),
    alerts=AlertOptions(**alerts),
)
sys.exit(listen(options, source=source, **others))
"""
PATIENCE_S = 60
ROOT = str(Path(__file__).parents[3])


@pytest.fixture
def arguments(data, scratch_checkpoint, tmp_path):
    """What the child is told; results go to `out.csv` and `out.jsonl`."""

    def make(csv="out.csv", quiet=False, real_time=False, **alerts):
        call = str(data / "calls" / "two_speakers_16k_mono.wav")
        outputs = {"csv": csv if csv == "-" else str(tmp_path / csv), "jsonl": str(tmp_path / "out.jsonl")}
        told = json.dumps([call, str(scratch_checkpoint), outputs, alerts, {"quiet": quiet}, real_time])
        return [sys.executable, "-c", LISTEN, told]

    return make


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_on_a_terminal_it_is_a_screen_that_obeys_keys(terminal, arguments, tmp_path):
    screen = terminal(arguments(alert=["angry>=0"]), PYTHONPATH=ROOT)
    screen.see("\x1b[?1049h")
    screen.see("two_speakers_16k_mono.wav")
    screen.see("speaking 0:0")
    screen.see("ALERT 0:0")
    assert "\a" in screen.drawn
    screen.press(b"m")
    screen.see("▼")
    screen.press(b"p")
    at = screen.see("paused 0:")
    screen.press(b" ")
    screen.see("listening 0:", since=at)
    screen.press(b"q")
    assert screen.wait() == 0
    screen.see("Marks at 0:")
    left = screen.drawn[screen.drawn.rindex("\x1b[?1049l") :]
    assert "speaker1" in left
    assert "Traceback" not in screen.drawn
    assert screen.as_it_was
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    turns = [line for line in lines if "type" not in line]
    assert len(turns) == len(rows(tmp_path / "out.csv")) >= 1
    assert {line["type"] for line in lines if "type" in line} == {"mark", "alert"}


@pytest.mark.usefixtures("hang_ups")
def test_a_terminal_that_is_closed_costs_not_even_the_turn_in_hand(terminal, arguments, tmp_path):
    screen = terminal(arguments(alert=["angry>=0"], real_time=True), PYTHONPATH=ROOT)
    screen.see("speaking 0:01")
    before = len(rows(tmp_path / "out.csv"))
    screen.shut()
    assert screen.process.wait(PATIENCE_S) == 129
    assert len(rows(tmp_path / "out.csv")) >= before + 1
    assert '"type": "alert"' in (tmp_path / "out.jsonl").read_text().splitlines()[-1]


def start(command):
    environment = {**os.environ, "PYTHONPATH": ROOT}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, env=environment, **pipes)


def test_without_a_terminal_it_is_a_line_a_turn(arguments, tmp_path):
    process = start(arguments(alert=["angry>=0 for 2 turns"]))
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert out == ""
    lines = err.splitlines()
    turns = [line for line in lines if line.startswith("0:") and "alert" not in line]
    assert len(turns) == len(rows(tmp_path / "out.csv")) > 2
    assert sum("alert: speaker1 angry" in line for line in lines) == 1
    assert lines[-1].startswith(f"speaker1: {len(turns)} turns")


def test_a_live_timeline_is_the_replayed_one(arguments, data, scratch_checkpoint, tmp_path):
    process = start(arguments(quiet=True))
    assert process.communicate(timeout=PATIENCE_S) == ("", "")
    call = str(data / "calls" / "two_speakers_16k_mono.wav")
    replayed = tmp_path / "replayed.csv"
    usual = ["--asr", "none", "--checkpoint", str(scratch_checkpoint), "--quiet"]
    assert main(["replay", call, "--csv", str(replayed), *usual]) == 0
    live = rows(tmp_path / "out.csv")
    clocks = [datetime.fromisoformat(row.pop("started_at")) for row in live]
    assert live == rows(replayed)
    now = datetime.now().astimezone()
    assert clocks == sorted(clocks)
    assert (
        now - timedelta(minutes=5) < clocks[0] < now
    )  # the later ones run ahead, since the sound comes faster than it would


@pytest.mark.usefixtures("hang_ups")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_in_order(arguments, tmp_path, number, code):
    process = start(arguments("-"))
    head = [process.stdout.readline(), process.stdout.readline()]
    process.send_signal(number)
    rest, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code
    assert "".join(head) + rest
    assert "talk time" in err
    assert "Traceback" not in err
