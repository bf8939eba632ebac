"""`… | stser-monitor --device -` for real: 40 minutes of sound, faster than they last, in constant memory."""

import csv
import io
import subprocess
import sys
import threading
import wave
from pathlib import Path

import numpy as np
import pytest
from waiting import wait_until

from stser_core import audio

pytestmark = pytest.mark.slow

RATE = 16_000
COMMAND = [str(Path(sys.executable).with_name("stser-monitor")), "--device", "-", "--asr", "none", "--csv", "-"]
MINUTES, WARM = 40, 25


@pytest.fixture(scope="module")
def minute(data):
    """A minute of people speaking, as 16-bit PCM, and how many sentences it has."""
    pieces = []
    for path in sorted((data / "emodb").glob("*.flac")) * 3:
        samples = audio.load_mono(path)
        pieces += [samples, np.zeros(round(60 / 18 * RATE) - len(samples), dtype=np.float32)]
    samples = np.concatenate(pieces)
    samples += np.random.default_rng(1).normal(0, 3e-4, len(samples)).astype(np.float32)
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes(), 18


def run(data, *arguments):
    process = subprocess.run([*COMMAND, *arguments], input=data, capture_output=True, timeout=120, check=False)
    return process.returncode, list(csv.DictReader(io.StringIO(process.stdout.decode()))), process.stderr.decode()


def memory_mb(process):
    with Path(f"/proc/{process.pid}/status").open() as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads a process's memory from /proc")
def test_many_minutes_lose_no_turn_and_take_no_memory(minute):
    sound, sentences = minute
    lines, memory = [], []
    with subprocess.Popen([*COMMAND, "--quiet"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        reader = threading.Thread(target=lambda: [lines.append(line.decode()) for line in process.stdout])
        reader.start()
        for number in range(MINUTES):
            process.stdin.write(sound)
            # The header is a line, too, and the last turn may still wait for its end.
            wait_until(lambda expected=sentences * (number + 1): len(lines) >= expected)
            memory.append(memory_mb(process))
        process.stdin.close()
        assert process.wait(60) == 0
        reader.join(10)
    print("memory in MB:", " ".join(f"{one:.0f}" for one in memory))

    found = list(csv.DictReader(lines))
    assert len(found) == sentences * MINUTES
    ends = [float(row["end_s"]) for row in found]
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(60 * MINUTES - 2, abs=2)
    assert {row["dropped_ms"] for row in found} == {"0"}
    # At first, the last 400 turns are collected, and torch prepares for each new length of a turn.
    assert max(memory[WARM:]) - memory[WARM - 1] < 5


def test_a_wav_header_and_another_rate_make_no_difference_and_channels_have_names(minute):
    sound, _ = minute
    left = np.repeat(np.frombuffer(sound[: 2 * RATE * 10], dtype="<i2"), 3)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((2, 2, 48_000, 0, "NONE", ""))
        writer.writeframes(np.stack([left, np.zeros_like(left)], axis=1).tobytes())
    code, found, said = run(file.getvalue(), "--device", "-:48000", "--channels", "customer,agent")
    assert code == 0, said
    assert {row["speaker"] for row in found} == {"customer"}
    assert [float(row["start_s"]) for row in found] == pytest.approx([0, 3.33, 6.67], abs=0.3)


def test_a_pipe_without_sound_is_one_sentence():
    code, found, said = run(b"")
    assert (code, found) == (1, [])
    assert said.splitlines()[-1].startswith("stser-monitor: stdin ended before any sound came")
    assert "Traceback" not in said
