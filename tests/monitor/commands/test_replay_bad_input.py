"""Recordings and options that are not what they should be: one sentence and the right exit code, or the truth."""

from functools import partial

import numpy as np
import pytest

from monitor.timeline.turn import COLUMNS

RATE = 16_000
HEADER = ",".join(COLUMNS)


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


def test_a_prior_that_is_none(quiet, speech):
    assert_one_sentence(quiet(speech, "--prior", "neutral=7", "--csv", "-"), 2, "neutral", "between 0 and 1")


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


def test_speakers_are_diarized_on_one_channel_only(quiet, two_channels):
    result = quiet(two_channels, "--speakers", "2")
    assert_one_sentence(result, 2, "--speakers", "one channel", "stereo.wav has 2")


def scored(rows):
    return {(row["speaker"], row["emotion"] != "") for row in rows}


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ("a,b,c", "names 3 channels (a, b, c), but stereo.wav has 2 channels."),
        ("customer", "names 1 channel (customer), but stereo.wav has 2 channels."),
        ("a,", "empty name"),
        ("", "empty name"),
        ("a,a", "a twice"),
    ],
)
def test_each_channel_needs_a_name(quiet, two_channels, names, why):
    assert_one_sentence(quiet(two_channels, "--channels", names), 2, why)


def test_an_agent_is_timed_but_not_scored(replay, two_channels):
    options = ["--channels", "customer, Agent", "--csv", "-"]
    assert scored(replay(two_channels, *options).rows) == {("customer", True), ("Agent", False)}
    assert scored(replay(two_channels, *options, "--score-agents").rows) == {("customer", True), ("Agent", True)}


def test_without_names_speakers_are_numbered_and_mix_is_one(replay, two_channels):
    assert scored(replay(two_channels, "--csv", "-").rows) == {("speaker1", True), ("speaker2", True)}
    assert scored(replay(two_channels, "--csv", "-", "--channels", "mix").rows) == {("mixed", True)}


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


@pytest.mark.parametrize("outputs", [("--csv", "-", "--jsonl", "-"), ("--csv", "one", "--jsonl", "./one")])
def test_two_outputs_in_one_place(quiet, speech, monkeypatch, tmp_path, outputs):
    monkeypatch.chdir(tmp_path)
    assert_one_sentence(quiet(speech, *outputs), 2, "Two outputs")


def test_the_recording_is_never_overwritten(quiet, speech, tmp_path):
    path = tmp_path / "call.wav"
    path.write_bytes(speech.read_bytes())
    assert_one_sentence(quiet(path, "--csv", path), 2, "is the recording itself")
    assert path.read_bytes() == speech.read_bytes()


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
