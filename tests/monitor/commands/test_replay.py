"""The command `replay`: what it makes of recordings of all kinds, and one sentence and an exit code where it cannot."""

import itertools
import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from functools import partial

import numpy as np
import pytest
from sound_files import encoded
from speech import PROGRAM

from monitor.timeline.turn import COLUMNS

RATE = 16_000
HEADER = ",".join(COLUMNS)
CSV = ("--csv", "-")


@pytest.fixture
def quiet(replay):
    """Replay without notices and metrics."""
    return partial(replay, "--quiet")


def assert_one_sentence(result, code, *words):
    assert result.code == code
    (sentence,) = result.err.splitlines()
    assert sentence.startswith("stser-monitor: ")
    assert sentence.endswith(".")
    for word in words:
        assert word in sentence


def test_an_explanation_without_attention(quiet, speech, tmp_path, monkeypatch):
    monkeypatch.setattr("stser_core.recognizer.EmotionRecognizer.attends", False)
    result = quiet(speech, "--explain", "--csv", tmp_path / "out.csv")
    assert_one_sentence(result, 2, "--explain", "scratch")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ("call.wav", "does not exist")),
        ("", ("call.wav", "archive")),
        (b"", ("call.wav", "cannot be read as audio")),
        (b"This is a letter and not a sound.\n" * 20, ("call.wav", "cannot be read as audio")),
        ([], ("call.wav", "no sound")),
    ],
    ids=["missing", "a folder", "empty", "text", "no samples"],
)
def test_a_file_that_is_not_audio(quiet, tmp_path, content, words, write_wav):
    path = tmp_path / "call.wav"
    if content == "":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        write_wav(path, content)
    assert_one_sentence(quiet(path, "--csv", tmp_path / "call.csv"), 1, *words)


@pytest.mark.parametrize("loudness", [0.0, 0.9])
def test_silence_and_a_click_are_empty_timelines(quiet, tmp_path, loudness, write_wav):
    samples = np.zeros(5 * RATE)
    samples[2 * RATE : 2 * RATE + RATE // 100] = loudness
    assert quiet(write_wav(tmp_path / "click.wav", samples), "--csv", "-") == (0, f"{HEADER}\n", "")


@pytest.mark.parametrize("missing_s", [9.6, 0.4])
def test_what_was_cut_off_is_replayed_as_far_as_it_goes(replay, speech, missing_s, tmp_path):
    path = tmp_path / "cut.wav"
    path.write_bytes(speech.read_bytes()[: -round(2 * RATE * missing_s)])
    done = replay(path, "--csv", "-")
    ends = [float(row["end_s"]) for row in done.rows]
    assert done.code == 0
    assert 1 < len(ends) <= 6
    assert max(ends) <= 19.2 - missing_s
    assert f"cut.wav ends at {'0:09' if missing_s == 9.6 else '0:18'}, {missing_s} s before" in done.err


@pytest.fixture
def two_channels(speech_samples, tmp_path, write_wav):
    samples = speech_samples[: 8 * RATE]
    return write_wav(tmp_path / "stereo.wav", [samples, samples[::-1]])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--channels", "a,b,c"], "names 3 channels (a, b, c), but stereo.wav has 2 channels."),
        (["--channels", "customer"], "names 1 channel (customer), but stereo.wav has 2 channels."),
        (["--channels", "a,"], "empty name"),
        (["--channels", ""], "empty name"),
        (["--channels", "a,a"], "a twice"),
        (["--speakers", "2"], "one channel, but stereo.wav has 2"),
        (["--prior", "neutral=7"], "neutral"),
        (["--csv", "-", "--jsonl", "-"], "Two outputs"),
        (["--csv", "one", "--jsonl", "./one"], "Two outputs"),
        (["--csv", "stereo.wav"], "is the recording itself"),
    ],
)
def test_options_that_do_not_fit(quiet, two_channels, options, words, monkeypatch):
    monkeypatch.chdir(two_channels.parent)
    content = two_channels.read_bytes()
    assert_one_sentence(quiet(two_channels, *options), 2, words)
    assert two_channels.read_bytes() == content


def scored(rows):
    return {(row["speaker"], row["emotion"] != "") for row in rows}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--channels", "customer, Agent"], {("customer", True), ("Agent", False)}),
        (["--channels", "customer, Agent", "--score-agents"], {("customer", True), ("Agent", True)}),
        ([], {("speaker1", True), ("speaker2", True)}),
        (["--channels", "mix"], {("mixed", True)}),
    ],
)
def test_who_speaks_and_is_scored(replay, two_channels, options, expected):
    assert scored(replay(two_channels, *CSV, *options).rows) == expected


@pytest.mark.parametrize(
    ("names", "speaker", "judged"),
    [(None, "speaker1", True), ("left,right", "mixed", True), ("customer,agent", "mixed", False)],
)
def test_identical_channels_are_mono(replay, speech_samples, tmp_path, names, speaker, judged, write_wav):
    samples = speech_samples[: 8 * RATE]
    path = write_wav(tmp_path / "twin.wav", [samples, samples])
    done = replay(path, "--csv", "-", *(["--channels", names] if names else []))
    assert "both channels of twin.wav are the same" in done.err
    assert scored(done.rows) == {(speaker, judged)}


def test_an_output_that_cannot_be_written_is_told_before_anything_else(quiet, speech, tmp_path):
    result = quiet(speech, "--csv", tmp_path / "missing" / "out.csv", checkpoint=tmp_path / "nothing")
    assert_one_sentence(result, 1, "out.csv", "No such file or directory")


@pytest.mark.parametrize("keep", ["nothing", "config.json"])
def test_a_broken_checkpoint_costs_nobody_an_older_timeline(quiet, speech, scratch_checkpoint, tmp_path, keep):
    broken, timeline = tmp_path / "broken", tmp_path / "old.csv"
    broken.mkdir()
    if keep != "nothing":
        (broken / keep).write_bytes((scratch_checkpoint / keep).read_bytes())
    timeline.write_text(f"{HEADER}\n")
    assert_one_sentence(quiet(speech, "--csv", timeline, checkpoint=broken), 1, "broken")
    assert timeline.read_text() == f"{HEADER}\n"


@pytest.mark.parametrize("name", ["--csv", "--jsonl"])
def test_only_a_timeline_is_replaced(quiet, speech, tmp_path, name):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary\n")
    assert_one_sentence(quiet(speech, name, path), 1, "notes.txt", "is not a timeline")
    assert path.read_text() == "dear diary\n"
    for older in ("recording,chan" if name == "--csv" else "", '\ufeff"recording","channel"\r\n'):
        path.write_text(older)
        assert quiet(speech, name, path).code == 0
        assert path.read_text().count("\n") >= 6


def test_an_unforeseen_fault_is_one_sentence_with_a_hint(quiet, speech, monkeypatch):
    def explode(*_, **__):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("stser_core.recognizer.EmotionRecognizer.load", explode)
    result = quiet(speech)
    assert_one_sentence(result, 1, "ZeroDivisionError", "--debug")
    assert "Traceback" in quiet(speech, "--debug").err


@pytest.fixture
def samples(speech_samples):
    return speech_samples[: 12 * RATE]


def meeting(folder, *tracks):
    """Tracks of one channel each, of which the last is the default one."""
    encoded(folder, "meeting.mkv", "pcm_s16le", [samples[None] / 32_768 for samples in tracks], default=-1)
    return folder / "meeting.mkv"


def times(done):
    return [(float(row["start_s"]), float(row["end_s"])) for row in done.rows]


def test_the_default_track_is_replayed_and_the_others_are_named(replay, samples, tmp_path, write_wav):
    path = meeting(tmp_path, np.zeros_like(samples), samples)
    expected = times(replay(write_wav(tmp_path / "mono.wav", [samples]), *CSV))
    done = replay(path, *CSV)
    assert (done.code, times(done)) == (0, expected)
    assert "2 (pcm_s16le) is read, not 1 (pcm_s16le). --track" in done.err
    assert replay(path, *CSV, "--track", "1").rows == []
    done = replay(path, *CSV, "--track", "all", "--channels", "room,anna")
    assert (done.code, times(done), {row["speaker"] for row in done.rows}) == (0, expected, {"anna"})


@pytest.mark.parametrize("track", ["3", "0", "first"])
def test_a_track_that_is_not_there_is_wrong_usage(replay, samples, tmp_path, track):
    code, rows, said = replay(meeting(tmp_path, samples, samples), *CSV, "--track", track)
    assert (code, rows) == (2, "")
    assert "track" in said


def test_a_clock_that_jumps_by_days_changes_no_row(replay, speech, monkeypatch):
    steady, jumps = replay(speech, *CSV), itertools.cycle([0.0, 86_400.0, -86_400.0, 1e9])
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    assert replay(speech, *CSV).out == steady.out
    assert len(steady.rows) > 2


@pytest.fixture
def call_and_pipe(samples, tmp_path, write_wav):
    """A recording, and a named pipe."""
    if os.name == "nt":
        pytest.skip("pipes with names")
    os.mkfifo(tmp_path / "fifo")
    return write_wav(tmp_path / "call.wav", [samples]), tmp_path / "fifo"


def test_a_fifo_is_replayed_as_the_file(replay, call_and_pipe):
    path, fifo = call_and_pipe
    threading.Thread(target=lambda: fifo.write_bytes(path.read_bytes()), daemon=True).start()
    done = replay(fifo, *CSV)
    assert done.code == 0
    assert times(done) == times(replay(path, *CSV))


@pytest.fixture
def command(scratch_checkpoint, tmp_path):
    """Replay into `out.csv`, as a process."""
    return [*PROGRAM, "replay", "--checkpoint", scratch_checkpoint, "--asr", "none", "--csv", tmp_path / "out.csv"]


@pytest.mark.slow
def test_standard_input_is_replayed_as_the_file(replay, command, call_and_pipe, tmp_path):
    path, _ = call_and_pipe
    done = subprocess.run([*command, "-"], input=path.read_bytes(), capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.csv").read_text() == replay(path, *CSV).out.replace("\ncall.wav,", "\nstdin,")


@pytest.mark.slow
def test_a_fifo_into_which_nothing_is_written_can_be_interrupted(command, call_and_pipe, tmp_path):
    _, fifo = call_and_pipe
    (tmp_path / "out.csv").write_text("recording,older\n")
    with subprocess.Popen([*command, fifo], stderr=subprocess.PIPE) as process:
        writing = None
        while writing is None:
            with suppress(OSError):  # nobody reads yet
                writing = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(20) == 130
        finally:
            process.kill()
        assert b"Traceback" not in process.stderr.read()
        os.close(writing)
    assert (tmp_path / "out.csv").read_text() == "recording,older\n"
