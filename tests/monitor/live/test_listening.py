"""`stser-monitor --device mic` for real: in a pseudo-terminal, with a sound server, clips, signals and failures."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from waiting import wait_until

from stser_core import audio

pytestmark = pytest.mark.slow

RATE = 16_000
COMMAND = [str(Path(sys.executable).with_name("stser-monitor")), "--device", "mic", "--asr", "none"]
ENDPOINT_SILENCE_S = 0.5
CTRL_C = b"\x03"
CTRL_Z = b"\x1a"
SHELL = ["bash", "-mc", '"$@"; sleep 3; fg', "bash"]
"""Runs a command as a job, and some time after Ctrl-Z brings it back."""
LETTERS = {"angry": "A", "happy": "H", "neutral": "N", "sad": "S"}


@pytest.fixture(scope="module")
def clips(data):
    """Sentences without the silence around them, each ending at once: float32 [n]."""

    def trimmed(path):
        samples = audio.load_mono(path)
        loud = np.flatnonzero(np.abs(samples) > 0.02)
        return samples[loud[0] : loud[-1] + 1]

    return [trimmed(path) for path in sorted((data / "emodb").glob("*.flac"))]


def spoken(clips, gaps_s):
    """Clips with gaps before them in a quiet room, and where each starts and ends, in seconds."""
    pieces, times, position = [], [], 0
    for clip, gap_s in zip(clips, gaps_s, strict=True):
        pieces += [np.zeros(round(gap_s * RATE), dtype=np.float32), clip]
        start = position + round(gap_s * RATE)
        position = start + len(clip)
        times.append((start / RATE, position / RATE))
    samples = np.concatenate([*pieces, np.zeros(RATE // 5)])
    return samples + np.random.default_rng(1).normal(0, 3e-4, len(samples)), times


def rows(path):
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def first_sound_s(recorder):
    """When the sound begins that a program like `parec` hears, on the clock of this process."""
    loud = []
    while len(loud) == 0:
        chunk, arrived = recorder.stdout.read1(1 << 16), time.monotonic()
        assert chunk
        samples = np.frombuffer(chunk[: len(chunk) // 2 * 2], dtype="<i2")
        loud = np.flatnonzero(np.abs(samples) > 600)
    recorder.kill()
    recorder.communicate()
    return arrived - (len(samples) - loud[0]) / RATE


def test_every_turn_is_found_shown_and_written_in_time(microphone, terminal, clips, write_wav, tmp_path):
    table = tmp_path / "out.csv"
    samples, times = spoken(clips, (0.5, 0.8, 1.0, 0.9, 1.3, 1.1))
    screen = terminal([*COMMAND, "--csv", str(table)], **microphone.environment)
    microphone.wait_for_listeners(1)
    form = ("--format=s16le", "--channels=1", f"--rate={RATE}")
    tap = microphone.record("--latency-msec=10", *form, stdout=subprocess.PIPE)
    microphone.wait_for_listeners(2)
    arrived = []

    def all_arrived():
        arrived.extend([time.monotonic()] * (len(rows(table)) - len(arrived)))
        return len(arrived) == len(clips)

    with microphone.play(write_wav(tmp_path / "speech.wav", samples)):
        began_s = first_sound_s(tap)
        wait_until(all_arrived, 60)
    time.sleep(0.5)
    shown = "\n".join(screen.lines)

    # The turn in hand when Ctrl-C comes.
    sentence = write_wav(tmp_path / "sentence.wav", np.concatenate(clips[:3]))
    with microphone.play(sentence) as playing:
        time.sleep(1.8)
        screen.press(CTRL_C)
        code = screen.wait()
        playing.terminate()

    written = rows(table)
    assert code == 130
    assert len(written) == len(clips) + 1
    assert [int(row["turn"]) for row in written] == list(range(1, len(clips) + 2))
    check_times(written[: len(clips)], times)
    assert float(written[-1]["end_s"]) - float(written[-1]["start_s"]) > 0.5
    assert all(row["dropped_ms"] == "0" and row["emotion"] in LETTERS for row in written)
    check_screen(shown, written[: len(clips)])
    check_latency(arrived, began_s - times[0][0], times)


def test_ctrl_z_gives_the_terminal_back_and_fg_goes_on_with_the_same_microphone(
    microphone, terminal, clips, write_wav, tmp_path
):
    table = tmp_path / "out.csv"
    screen = terminal([*SHELL, *COMMAND, "--csv", str(table)], **microphone.environment)
    microphone.wait_for_listeners(1)
    wait_until(lambda: any("listening" in line for line in screen.lines))
    assert not screen.as_it_was
    screen.press(CTRL_Z)
    wait_until(lambda: screen.as_it_was)
    wait_until(lambda: not screen.as_it_was)
    # A device that delivers nothing would be given up by now.
    time.sleep(2.5)
    samples, _ = spoken(clips[:1], (0.5,))
    microphone.play(write_wav(tmp_path / "speech.wav", samples)).wait(60)
    wait_until(lambda: len(rows(table)) == 1)
    screen.press(b"q")
    assert screen.wait() == 0
    assert screen.as_it_was


def check_times(written, times):
    """Start and end of every turn; where the stream's own time began is told by the middle of the first turn.

    Every turn has 240 ms of what was before it and 150 ms of what was after it.
    """
    found = [(float(row["start_s"]), float(row["end_s"])) for row in written]
    offset = sum(found[0]) / 2 - sum(times[0]) / 2
    for (start, end), (expected_start, expected_end) in zip(found, times, strict=True):
        assert start - offset == pytest.approx(expected_start, abs=0.3)
        assert end - offset == pytest.approx(expected_end, abs=0.3)


def check_screen(screen, written):
    assert "listening" in screen
    last = written[-1]
    assert f"{last['emotion']} {float(last['confidence']):.2f}" in screen
    table = [line for line in screen.splitlines() if " speaker1 " in line and line.strip()[0].isdigit()]
    shown = [line for line in table if any(f" {LETTERS[row['emotion']]}  {row['emotion']}" in line for row in written)]
    assert len(shown) >= len(written), screen


def check_latency(arrived, began_s, times):
    took = [row_s - (began_s + end) for row_s, (_, end) in zip(arrived, times, strict=True)]
    print("last sound to row:", " ".join(f"{1000 * one:.0f} ms" for one in took))
    assert np.percentile(took, 95) < ENDPOINT_SILENCE_S + 0.15
    # A row that came before its endpoint would mean that the measurement is wrong.
    assert min(took) > ENDPOINT_SILENCE_S - 0.1


@pytest.fixture
def listening(microphone, tmp_path):
    """The command without a terminal."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [*COMMAND, "--csv", str(tmp_path / "out.csv")]
    with subprocess.Popen(command, env={**os.environ, **microphone.environment}, text=True, **pipes) as process:
        yield process
        process.kill()


def test_a_sound_server_that_dies_costs_no_turn_and_one_that_comes_back_goes_on(
    microphone, clips, write_wav, tmp_path, listening
):
    table = tmp_path / "out.csv"
    microphone.wait_for_listeners(1)
    samples, _ = spoken([clips[0], np.concatenate(clips[1:4])], (0.3, 0.9))
    with microphone.play(write_wav(tmp_path / "speech.wav", samples)) as playing:
        wait_until(lambda: len(rows(table)) == 1)
        time.sleep(1.5)
        microphone.kill()
        killed = time.monotonic()
        wait_until(lambda: len(rows(table)) == 2)
        assert time.monotonic() - killed < 6
        playing.wait(10)

    microphone.start()
    microphone.wait_for_listeners(1)
    microphone.play(write_wav(tmp_path / "again.wav", spoken(clips[4:5], (0.3,))[0])).wait(30)
    wait_until(lambda: len(rows(table)) == 3)
    listening.send_signal(signal.SIGINT)
    _, said = listening.communicate(timeout=30)

    assert listening.returncode == 130
    assert "'default' went away" in said
    assert "is back" in said
    assert "Traceback" not in said
    before, after = (float(row["end_s"]) for row in rows(table)[1:])
    assert after - before > time.monotonic() - killed - 8
