"""Files of unusual kinds through the command `replay`: the rows are those of the plain recording."""

import csv
import io
import os
import signal
import subprocess
import sys
import threading
import time
import wave
from contextlib import suppress
from fractions import Fraction

import av
import numpy as np
import pytest

from monitor.cli import main

RATE = 16_000


@pytest.fixture
def speech(data):
    with wave.open(str(data / "calls" / "two_speakers_16k_mono.wav")) as file:
        return np.frombuffer(file.readframes(12 * RATE), "<i2")


@pytest.fixture
def replay(scratch_checkpoint, capsys):
    """Replay, and return the exit code, the rows, and what standard error says."""

    def run(recording, *arguments):
        usual = ["--checkpoint", str(scratch_checkpoint), "--asr", "none", "--csv", "-"]
        code = main(["replay", str(recording), *usual, *arguments])
        captured = capsys.readouterr()
        return code, list(csv.DictReader(io.StringIO(captured.out))), captured.err

    return run


def write(path, channels, rate=RATE):
    with wave.open(str(path), "wb") as file:
        file.setparams((len(channels), 2, rate, 0, "NONE", ""))
        file.writeframes(np.asarray(channels).T.astype("<i2").tobytes())
    return path


def mux(path, *tracks, gap_s=0.0, gap_at_s=6.0, codec="pcm_s16le"):
    """Tracks of one channel each, whose time stamps jump ahead."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream(codec, rate=RATE, layout="mono") for _ in tracks]
        streams[-1].disposition = av.stream.Disposition.default
        for at in range(0, len(tracks[0]), 320):
            for stream, samples in zip(streams, tracks, strict=True):
                frame = av.AudioFrame.from_ndarray(samples[None, at : at + 320], format="s16", layout="mono")
                frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
                frame.pts = at + round(gap_s * RATE) * (at >= gap_at_s * RATE)
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    return path


def times(rows):
    return [(float(row["start_s"]), float(row["end_s"])) for row in rows]


def test_turns_after_a_gap_come_when_they_were_spoken(replay, speech, tmp_path):
    silence = np.zeros(10 * RATE, np.int16)
    whole = np.concatenate([speech[: 6 * RATE], silence, speech[6 * RATE :]])
    code, rows, said = replay(mux(tmp_path / "gap.mkv", speech, gap_s=10.0))
    assert code == 0
    assert times(rows) == times(replay(write(tmp_path / "whole.wav", [whole]))[1])
    assert "cut off" not in said


def test_channels_that_a_codec_made_nearly_equal_are_one(replay, speech, tmp_path):
    noise = np.random.default_rng(1).normal(0, 1, len(speech))
    path = write(tmp_path / "call.wav", [speech, 0.98 * speech + noise])
    code, rows, said = replay(path, "--channels", "customer,agent")
    assert code == 0
    assert {row["speaker"] for row in rows} == {"mixed"}
    assert {row["emotion"] for row in rows} == {""}
    assert "call.wav" in said


def test_channels_that_cancel_are_heard_as_one(replay, speech, tmp_path):
    alone = replay(write(tmp_path / "mono.wav", [speech]))[1]
    mixed = replay(write(tmp_path / "inverted.wav", [speech, -speech]), "--channels", "mix")[1]
    assert times(mixed) == times(alone)


def test_the_default_track_is_replayed_and_the_others_are_named(replay, speech, tmp_path):
    path = mux(tmp_path / "meeting.mkv", np.zeros_like(speech), speech)
    expected = times(replay(write(tmp_path / "mono.wav", [speech]))[1])
    code, rows, said = replay(path)
    assert (code, times(rows)) == (0, expected)
    assert "--track" in said
    assert replay(path, "--track", "1")[1] == []
    code, rows, said = replay(path, "--track", "all", "--channels", "room,anna")
    assert (code, times(rows), {row["speaker"] for row in rows}) == (0, expected, {"anna"})


@pytest.mark.parametrize("track", ["3", "0", "first"])
def test_a_track_that_is_not_there_is_wrong_usage(replay, speech, tmp_path, track):
    code, rows, said = replay(mux(tmp_path / "meeting.mkv", speech, speech), "--track", track)
    assert (code, rows) == (2, [])
    assert "track" in said


def test_estimated_lengths_are_never_said_to_be_cut_off(replay, speech, tmp_path):
    path = tmp_path / "call.mp3"
    with av.open(str(path), "w", options={"write_xing": "0", "id3v2_version": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono", options={"global_quality": "500"})
        stream.codec_context.flags |= 2  # AV_CODEC_FLAG_QSCALE
        sound = np.concatenate([np.zeros(2 * RATE, np.int16), speech])
        frame = av.AudioFrame.from_ndarray(sound[None], format="s16p", layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    code, rows, said = replay(path)
    assert code == 0
    assert rows
    assert "cut off" not in said


@pytest.mark.skipif(os.name == "nt", reason="pipes with names")
class TestPipes:
    @pytest.fixture
    def command(self, scratch_checkpoint, tmp_path):
        program = [sys.executable, "-c", "from monitor.cli import main; raise SystemExit(main())", "replay"]
        return lambda name: [
            *program,
            name,
            *("--checkpoint", str(scratch_checkpoint), "--asr", "none", "--csv", str(tmp_path / "out.csv")),
        ]

    def test_a_fifo_is_replayed_as_the_file(self, replay, speech, tmp_path):
        path, fifo = write(tmp_path / "call.wav", [speech]), tmp_path / "fifo"
        os.mkfifo(fifo)
        threading.Thread(target=lambda: fifo.write_bytes(path.read_bytes()), daemon=True).start()
        code, rows, _ = replay(fifo)
        assert code == 0
        assert times(rows) == times(replay(path)[1])

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["-", "/dev/stdin"])
    def test_standard_input_is_replayed_as_the_file(self, replay, command, speech, tmp_path, name):
        path = write(tmp_path / "call.wav", [speech])
        done = subprocess.run(command(name), input=path.read_bytes(), capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
        assert times(rows) == times(replay(path)[1])
        assert {row["recording"] for row in rows} == {"stdin"}

    @pytest.mark.slow
    @pytest.mark.parametrize(("given", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
    def test_one_into_which_nothing_is_written_can_be_interrupted(self, command, tmp_path, given, code):
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "out.csv").write_text("an older result\n")
        with subprocess.Popen(command(str(tmp_path / "fifo")), stderr=subprocess.PIPE) as process:
            writing = None
            while writing is None:
                with suppress(OSError):  # nobody reads yet
                    writing = os.open(tmp_path / "fifo", os.O_WRONLY | os.O_NONBLOCK)
                time.sleep(0.1)
            process.send_signal(given)
            try:
                assert process.wait(20) == code
            finally:
                process.kill()
            assert b"Traceback" not in process.stderr.read()
            os.close(writing)
        assert (tmp_path / "out.csv").read_text() == "an older result\n"

    @pytest.mark.slow
    def test_one_that_holds_no_sound_leaves_the_older_result(self, command, tmp_path):
        (tmp_path / "out.csv").write_text("an older result\n")
        done = subprocess.run(
            command("-"), input=b"This is a letter.\n" * 99, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 1
        assert b"Traceback" not in done.stderr
        assert (tmp_path / "out.csv").read_text() == "an older result\n"
