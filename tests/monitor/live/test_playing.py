"""A recording that is played, heard through the sound server's own monitor."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from stser_core.audio import load_mono

RATE = 16_000


def test_what_is_replayed_with_play_is_heard(
    shared_microphone, write_speech, scratch_checkpoint, tmp_path, environment
):
    seconds = np.arange(2 * RATE) / RATE
    recording = write_speech(0.3 * np.sin(2 * np.pi * 700 * seconds))
    heard = tmp_path / "heard.wav"
    what = ["--device=vmic.monitor", "--file-format=wav", f"--rate={RATE}", "--channels=1", "--latency-msec=50"]
    record = ["parec", *what, str(heard)]
    recorder = subprocess.Popen(record, env=environment(shared_microphone))
    try:
        finished = subprocess.run(
            replay(recording, scratch_checkpoint), env=environment(shared_microphone), capture_output=True, check=False
        )
        wait_for_another_second(heard)
    finally:
        recorder.terminate()
        recorder.wait()
    assert finished.returncode == 0, finished.stderr
    assert b"without sound" not in finished.stderr
    sound = load_mono(heard)
    sounding = sound[np.abs(sound) > 0.01]
    assert np.count_nonzero(np.abs(sound) > 0) == pytest.approx(2 * RATE, abs=0.1 * RATE)
    spectrum = np.abs(np.fft.rfft(sound))
    assert np.argmax(spectrum) * RATE / len(sound) == pytest.approx(700, abs=5)
    assert np.abs(sounding).max() == pytest.approx(0.3, abs=0.05)


def test_without_an_output_the_replay_goes_on_and_says_so(
    own_microphone, write_speech, scratch_checkpoint, environment
):
    own_microphone.kill()
    finished = subprocess.run(
        replay(write_speech(np.zeros(RATE // 2)), scratch_checkpoint),
        env=environment(own_microphone),
        capture_output=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert b"the recording is replayed without sound: " in finished.stderr


@pytest.fixture
def environment():
    """The process's own variables, with a virtual microphone's."""
    return lambda microphone: {**os.environ, **microphone.environment}


def wait_for_another_second(recording):
    """When the recorder has written one more second, whatever was played before it has come through too."""
    wanted, deadline = recording.stat().st_size + RATE * 2, time.monotonic() + 20
    while recording.stat().st_size < wanted:
        assert time.monotonic() < deadline, "the recorder stands still"
        time.sleep(0.05)


def replay(recording, checkpoint):
    options = ["--play", "--asr", "none", "--checkpoint", str(checkpoint)]
    return [
        sys.executable,
        "-c",
        "from monitor.cli import main; raise SystemExit(main())",
        "replay",
        str(recording),
        *options,
    ]
