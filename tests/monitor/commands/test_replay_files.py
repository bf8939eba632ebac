"""Files of unusual kinds through the command `replay`: the rows are those of the plain recording."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from fractions import Fraction

import av
import numpy as np
import pytest

RATE = 16_000
CSV = ("--csv", "-")


@pytest.fixture
def samples(speech_samples):
    return speech_samples[: 12 * RATE]


def mux(path, *tracks):
    """Tracks of one channel each."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("pcm_s16le", rate=RATE, layout="mono") for _ in tracks]
        streams[-1].disposition = av.stream.Disposition.default
        for at in range(0, len(tracks[0]), 320):
            for stream, samples in zip(streams, tracks, strict=True):
                frame = av.AudioFrame.from_ndarray(samples[None, at : at + 320], format="s16", layout="mono")
                frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), at
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    return path


def times(done):
    return [(float(row["start_s"]), float(row["end_s"])) for row in done.rows]


def test_the_default_track_is_replayed_and_the_others_are_named(replay, samples, tmp_path, write_wav):
    path = mux(tmp_path / "meeting.mkv", np.zeros_like(samples), samples)
    expected = times(replay(write_wav(tmp_path / "mono.wav", [samples]), *CSV))
    done = replay(path, *CSV)
    assert (done.code, times(done)) == (0, expected)
    assert "2 (pcm_s16le) is read, not 1 (pcm_s16le). --track" in done.err
    assert replay(path, *CSV, "--track", "1").rows == []
    done = replay(path, *CSV, "--track", "all", "--channels", "room,anna")
    assert (done.code, times(done), {row["speaker"] for row in done.rows}) == (0, expected, {"anna"})


@pytest.mark.parametrize("track", ["3", "0", "first"])
def test_a_track_that_is_not_there_is_wrong_usage(replay, samples, tmp_path, track):
    code, rows, said = replay(mux(tmp_path / "meeting.mkv", samples, samples), *CSV, "--track", track)
    assert (code, rows) == (2, "")
    assert "track" in said


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

    def test_a_fifo_is_replayed_as_the_file(self, replay, samples, tmp_path, write_wav):
        path, fifo = write_wav(tmp_path / "call.wav", [samples]), tmp_path / "fifo"
        os.mkfifo(fifo)
        threading.Thread(target=lambda: fifo.write_bytes(path.read_bytes()), daemon=True).start()
        done = replay(fifo, *CSV)
        assert done.code == 0
        assert times(done) == times(replay(path, *CSV))

    @pytest.mark.slow
    def test_standard_input_is_replayed_as_the_file(self, replay, command, samples, tmp_path, write_wav):
        path = write_wav(tmp_path / "call.wav", [samples])
        done = subprocess.run(command("-"), input=path.read_bytes(), capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        expected = replay(path, *CSV).out.replace("\ncall.wav,", "\nstdin,")
        assert (tmp_path / "out.csv").read_text() == expected

    @pytest.mark.slow
    def test_one_into_which_nothing_is_written_can_be_interrupted(self, command, tmp_path):
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "out.csv").write_text("recording,older\n")
        with subprocess.Popen(command(str(tmp_path / "fifo")), stderr=subprocess.PIPE) as process:
            writing = None
            while writing is None:
                with suppress(OSError):  # nobody reads yet
                    writing = os.open(tmp_path / "fifo", os.O_WRONLY | os.O_NONBLOCK)
                time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            try:
                assert process.wait(20) == 130
            finally:
                process.kill()
            assert b"Traceback" not in process.stderr.read()
            os.close(writing)
        assert (tmp_path / "out.csv").read_text() == "recording,older\n"
