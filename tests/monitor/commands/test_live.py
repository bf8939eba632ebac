"""The default command with a recording in place of a microphone, on a terminal and without one."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from speech import RATE, minute, write_pcm

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
call, checkpoint, outputs, alerts, real_time = json.loads(sys.argv[1])
source = Paced(call)
options = ListenOptions(
    scoring=ScoringOptions(checkpoint=checkpoint),
    transcription=TranscriptionOptions("none"),
    output=OutputOptions(**outputs),
    alerts=AlertOptions(**alerts),
)
sys.exit(listen(options, source=source))
"""
PATIENCE_S = 60
ROOT = str(Path(__file__).parents[3])


@pytest.fixture
def arguments(speech, scratch_checkpoint, tmp_path):
    """What the child is told; results go to `out.csv` and `out.jsonl`."""

    def make(csv="out.csv", real_time=False, **alerts):
        outputs = {"csv": csv if csv == "-" else str(tmp_path / csv), "jsonl": str(tmp_path / "out.jsonl")}
        told = json.dumps([str(speech), str(scratch_checkpoint), outputs, alerts, real_time])
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


def test_without_a_terminal_it_is_a_line_a_turn_and_the_timeline_is_the_replayed_one(
    arguments, replay, speech, tmp_path
):
    process = start(arguments(alert=["angry>=0 for 2 turns"]))
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (0, "")
    live = rows(tmp_path / "out.csv")
    clocks = [datetime.fromisoformat(row.pop("started_at")) for row in live]
    assert live == replay(speech, "--csv", "-", "--quiet").rows
    assert clocks == sorted(clocks)
    now = datetime.now().astimezone()
    # The later ones run ahead, since the sound comes faster than it would.
    assert now - timedelta(minutes=5) < clocks[0] < now
    lines = err.splitlines()
    assert len([line for line in lines if line.startswith("0:") and "alert" not in line]) == len(live) > 2
    assert sum("alert: speaker1 angry" in line for line in lines) == 1
    assert lines[-1].startswith(f"speaker1: {len(live)} turns")


@pytest.mark.usefixtures("hang_ups")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_in_order(arguments, tmp_path, number, code):
    process = start(arguments("-"))
    for _ in ("header", "turn"):
        assert process.stdout.readline()
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code
    assert "talk time" in err
    assert "Traceback" not in err


def test_standard_input_may_be_wav_at_another_rate_with_names_for_its_channels(scratch_checkpoint, monkeypatch, capfd):
    left = np.repeat(np.frombuffer(minute()[: 2 * RATE * 10], dtype="<i2"), 3)
    sound = io.BytesIO()
    write_pcm(sound, np.stack([left, np.zeros_like(left)], axis=1).tobytes(), 2, 48_000)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sound.getvalue())))
    command = "--device -:48000 --asr none --csv - --quiet --channels customer,agent --checkpoint"
    assert main([*command.split(), str(scratch_checkpoint)]) == 0
    out, err = capfd.readouterr()
    found = list(csv.DictReader(io.StringIO(out)))
    assert {row["speaker"] for row in found} == {"customer"}
    assert [float(row["start_s"]) for row in found] == pytest.approx([0, 3.33, 6.67], abs=0.3)
    assert err == ""
