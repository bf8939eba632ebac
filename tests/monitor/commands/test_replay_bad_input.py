"""Recordings and options that are not what they should be: one sentence and the right exit code, or the truth."""

import wave

import numpy as np
import pytest

from monitor.cli import main
from monitor.timeline.turn import COLUMNS

RATE = 16_000
HEADER = ",".join(COLUMNS)


def read_wav(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


@pytest.fixture
def speech(data):
    return data / "calls" / "two_speakers_16k_mono.wav"


@pytest.fixture
def replay(scratch_checkpoint, capsys):
    """Replay, and return the exit code, the lines of standard output, and those of standard error."""

    def run(recording, *arguments, checkpoint=scratch_checkpoint):
        usual = ["--checkpoint", str(checkpoint), "--asr", "none", "--quiet"]
        code = main(["replay", str(recording), *usual, *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out.splitlines(), captured.err.splitlines()

    return run


def assert_one_sentence(result, code, *words):
    assert result[0] == code
    (sentence,) = result[2]
    assert sentence.startswith("stser-monitor: ")
    assert sentence.endswith(".")
    for word in words:
        assert word in sentence


def test_a_prior_that_is_none(replay, speech):
    assert_one_sentence(replay(speech, "--prior", "neutral=7", "--csv", "-"), 2, "neutral", "between 0 and 1")


def test_an_explanation_without_attention(replay, speech, tmp_path, monkeypatch):
    monkeypatch.setattr("stser_core.recognizer.EmotionRecognizer.attends", False)
    result = replay(speech, "--explain", "--csv", tmp_path / "out.csv")
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
def test_a_file_that_is_not_audio(replay, tmp_path, content, words, write_wav):
    path = tmp_path / "call.wav"
    if content == "":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        write_wav(path, content)
    assert_one_sentence(replay(path, "--csv", tmp_path / "call.csv"), 1, *words)


@pytest.mark.parametrize("loudness", [0.0, 0.9])
def test_silence_and_a_click_are_empty_timelines(replay, tmp_path, loudness, write_wav):
    samples = np.zeros(5 * RATE)
    samples[2 * RATE : 2 * RATE + RATE // 100] = loudness
    assert replay(write_wav(tmp_path / "click.wav", samples), "--csv", "-") == (0, [HEADER], [])


@pytest.mark.parametrize("missing_s", [9.6, 0.4])
def test_what_was_cut_off_is_replayed_as_far_as_it_goes(speech, missing_s, tmp_path, scratch_checkpoint, capsys):
    path = tmp_path / "cut.wav"
    path.write_bytes(speech.read_bytes()[: -round(2 * RATE * missing_s)])
    options = ["--checkpoint", str(scratch_checkpoint), "--asr", "none", "--csv", "-"]
    assert main(["replay", str(path), *options]) == 0
    captured = capsys.readouterr()
    ends = [float(row.split(",")[5]) for row in captured.out.splitlines()[1:]]
    assert 1 < len(ends) <= 6
    assert max(ends) <= 19.2 - missing_s
    assert f"cut.wav ends at {'0:09' if missing_s == 9.6 else '0:18'}, {missing_s} s before" in captured.err


@pytest.fixture
def two_channels(speech, tmp_path, write_wav):
    samples = read_wav(speech)[: 8 * RATE]
    return write_wav(tmp_path / "stereo.wav", [samples, samples[::-1]])


def test_voices_are_told_apart_on_one_channel_only(replay, two_channels):
    result = replay(two_channels, "--speakers", "2")
    assert_one_sentence(result, 2, "--speakers separates the voices of one channel", "stereo.wav has 2")


def test_an_agent_is_timed_but_not_scored(replay, two_channels):
    _, rows, _ = replay(two_channels, "--channels", "customer,agent", "--csv", "-")
    scored = {(cells[2], cells[6] != "") for cells in (row.split(",") for row in rows[1:])}
    assert scored == {("customer", True), ("agent", False)}
    _, rows, _ = replay(two_channels, "--channels", "customer,agent", "--csv", "-", "--score-agents")
    assert all(row.split(",")[6] for row in rows[1:])


@pytest.mark.parametrize(("names", "speaker", "scored"), [(None, "speaker1", True), ("customer,agent", "mixed", False)])
def test_identical_channels_are_mono(speech, tmp_path, scratch_checkpoint, capsys, names, speaker, scored, write_wav):
    samples = read_wav(speech)[: 8 * RATE]
    path = write_wav(tmp_path / "twin.wav", [samples, samples])
    options = ["--checkpoint", str(scratch_checkpoint), "--asr", "none", "--csv", "-"]
    assert main(["replay", str(path), *options, *(["--channels", names] if names else [])]) == 0
    captured = capsys.readouterr()
    assert "both channels of twin.wav are the same" in captured.err
    rows = [row.split(",") for row in captured.out.splitlines()[1:]]
    assert {(row[2], row[6] != "") for row in rows} == {(speaker, scored)}


def test_an_output_that_cannot_be_written_is_told_before_anything_else(replay, speech, tmp_path):
    result = replay(speech, "--csv", tmp_path / "missing" / "out.csv", checkpoint=tmp_path / "nothing")
    assert_one_sentence(result, 1, "out.csv", "No such file or directory")


@pytest.mark.parametrize("outputs", [("--csv", "-", "--jsonl", "-"), ("--csv", "one", "--jsonl", "./one")])
def test_two_outputs_in_one_place(replay, speech, monkeypatch, tmp_path, outputs):
    monkeypatch.chdir(tmp_path)
    assert_one_sentence(replay(speech, *outputs), 2, "Two outputs")


def test_the_recording_is_never_overwritten(replay, speech, tmp_path):
    path = tmp_path / "call.wav"
    path.write_bytes(speech.read_bytes())
    assert_one_sentence(replay(path, "--csv", path), 2, "is the recording itself")
    assert path.read_bytes() == speech.read_bytes()


@pytest.mark.parametrize("keep", ["nothing", "config.json"])
def test_a_broken_checkpoint_costs_nobody_an_older_timeline(replay, speech, scratch_checkpoint, tmp_path, keep):
    broken, timeline = tmp_path / "broken", tmp_path / "old.csv"
    broken.mkdir()
    if keep != "nothing":
        (broken / keep).write_bytes((scratch_checkpoint / keep).read_bytes())
    timeline.write_text(f"{HEADER}\n")
    assert_one_sentence(replay(speech, "--csv", timeline, checkpoint=broken), 1, "broken")
    assert timeline.read_text() == f"{HEADER}\n"


@pytest.mark.parametrize("name", ["--csv", "--jsonl"])
def test_only_a_timeline_is_replaced(replay, speech, tmp_path, name):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary\n")
    assert_one_sentence(replay(speech, name, path), 1, "notes.txt", "is not a timeline")
    assert path.read_text() == "dear diary\n"
    for older in ("recording,chan" if name == "--csv" else "", '\ufeff"recording","channel"\r\n'):
        path.write_text(older)
        assert replay(speech, name, path)[0] == 0
        assert path.read_text().count("\n") >= 6


def test_an_unforeseen_fault_is_one_sentence_with_a_hint(replay, speech, monkeypatch):
    def explode(*_, **__):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("stser_core.recognizer.EmotionRecognizer.load", explode)
    result = replay(speech)
    assert_one_sentence(result, 1, "ZeroDivisionError", "--debug")
    assert any("Traceback" in line for line in replay(speech, "--debug")[2])
