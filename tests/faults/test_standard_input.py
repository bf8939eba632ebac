"""`… | stser-monitor --device -`: 40 minutes of sound, faster than they last, and a WAV file at another rate."""

import csv
import io
import subprocess
import wave

import numpy as np
import pytest
from long_stream import run
from speech import PROGRAM, RATE, ROOT, minute

pytestmark = pytest.mark.slow


def test_many_minutes_lose_no_turn_and_take_no_memory():
    found = run(40 / 60, print, step_min=1, warm=25)
    assert found.whole
    assert found.largest_shift_ms == 0
    assert found.growth_mb < 5


def test_a_wav_header_and_another_rate_make_no_difference_and_channels_have_names():
    left = np.repeat(np.frombuffer(minute()[: 2 * RATE * 10], dtype="<i2"), 3)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((2, 2, 48_000, 0, "NONE", ""))
        writer.writeframes(np.stack([left, np.zeros_like(left)], axis=1).tobytes())
    command = [*PROGRAM, "--device", "-:48000", "--asr", "none", "--csv", "-", "--channels", "customer,agent"]
    rows = subprocess.run(command, input=file.getvalue(), stdout=subprocess.PIPE, cwd=ROOT, check=True).stdout.decode()
    found = list(csv.DictReader(io.StringIO(rows)))
    assert {row["speaker"] for row in found} == {"customer"}
    assert [float(row["start_s"]) for row in found] == pytest.approx([0, 3.33, 6.67], abs=0.3)
