"""The command line as a user meets it: what it prints where, and with which exit code."""

import csv
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import pytest

from monitor.cli import main
from stser_core import __version__

PROGRAM = [sys.executable, "-c", "import sys; from monitor.cli import main; sys.exit(main())"]


def test_version_with_its_parts(capsys):
    assert main(["--version"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"stser-monitor {__version__}"
    assert any(line.startswith("torch ") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("replay", "FILE"),
        ("replay a.wav --asr siri", "siri"),
        ("replay a.wav --asr auto:small", "auto:small"),
        ("replay a.wav --asr vosk:", "vosk:"),
        ("replay a.wav --asr whisper:small:", "whisper:small:"),
        ("replay a.wav --asr whisper:base:german", "german"),
        ("replay a.wav --asr-model small", "vosk:FOLDER"),
        ("--device mic --rate 8000", "-:8000"),
        ("replay a.wav --overwrite", "replaces"),
        ("replay a.wav --pause 9", "9"),
        ("replay a.wav --pause 0.1", "0.1"),
        ("replay a.wav --pause nan", "nan"),
        ("replay a.wav --pause x", "--pause"),
        ("replay a.wav --speakers 1", "--speakers"),
        ("replay a.wav --sensitivity extreme", "extreme"),
        ("listen", "listen"),
        ("replay --csv", "--csv"),
        ("call.wav", "replay call.wav"),
        (".", "archive . --out"),
        ("--csv x.csv", "--device mic"),
        ("--device -:0 --asr none", "0 Hz"),
        ("--device -:8k", "-:8k"),
        ("--device - --channels mix", "mix"),
        ("--device mic --alert furious>0.5", "furious"),
        ("--device mic --alert angry>0.5 --on-alert no-such-program", "no-such-program"),
        ("--device mic --on-alert true", "without --alert"),
        ("report call.csv --track 2", "without --audio"),
        ("--device mic --csv same --jsonl same", "Two outputs"),
        ("--device mic replay call.wav", "--device is for listening"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exits_2(arguments, why, capsys):
    assert main(arguments.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("stser-monitor: ")
    assert captured.err.count("\n") == 1
    assert why in captured.err
    assert "Value error" not in captured.err


@pytest.mark.parametrize("name", ["vosk-large-klingon", "nonsense", "base", "whisper-nonsense", "whisper-"])
def test_a_model_nobody_knows_cannot_be_fetched(name, capsys):
    if name.startswith("whisper-"):
        pytest.importorskip("faster_whisper")
    assert main(["models", "fetch", name]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"'{name}'" in said and "vosk-small-en" in said and "whisper-base" in said


def test_models_lists_what_is_there_and_what_can_be_fetched(capsys, monkeypatch, tmp_path):
    model = tmp_path / "my-vosk-model"
    for name in ("am/final.mdl", "conf/model.conf"):
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_bytes(b"x" * 500_000)
    monkeypatch.setenv("VOSK_MODEL_PATH", str(model))
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert f"my-vosk-model  1.0 MB  {model}" in out
    assert "models fetch vosk-small-en" in out


def test_csv_goes_to_standard_output_and_the_rest_to_standard_error(replay, speech):
    done = replay(speech, "--csv", "-")
    rows = done.rows
    assert done.code == 0
    assert len(rows) > 2
    assert [float(row["end_s"]) for row in rows] == sorted(float(row["end_s"]) for row in rows)
    for number, row in enumerate(rows, start=1):
        assert int(row["turn"]) == number
        assert 0 <= float(row["start_s"]) < float(row["end_s"]) <= 19.2
        shares = [row[f"p_{label}"] for label in ("angry", "happy", "neutral", "sad")]
        assert sum(round(float(share) * 10_000) for share in shares) == 10_000
        assert row["confidence"] == row[f"p_{row['emotion']}"] == max(shares)
    assert sum(line.startswith("0:") for line in done.err.splitlines()) == len(rows)


@pytest.mark.parametrize(("channels", "said"), [("Agent2", True), ("agent", False)])
def test_a_name_like_an_agent_s_is_told_to_be_scored(replay, speech, channels, said):
    assert ("is scored like a customer's" in replay(speech, "--channels", channels).err) is said


@pytest.mark.parametrize("command", ["report", "analytics", "export"])
def test_a_recording_given_as_a_timeline_is_to_be_replayed_first(speech, command, capsys):
    assert main([command, str(speech), *(["--to", "SRT"] if command == "export" else [])]) == 2
    assert f"replay {speech}" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["replay"], ["report"], ["archive", "--out", "x"]])
def test_a_name_that_is_too_long_is_one_sentence(command, capsys):
    assert main([*command, "x" * 5000 + ".wav"]) in (1, 2)
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "unforeseen" not in said


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_standard_output_on_a_full_disk_is_one_sentence():
    with Path("/dev/full").open("w") as full:
        run = subprocess.run([*PROGRAM, "models"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1 and "standard output" in run.stderr


@pytest.mark.parametrize(
    ("missing", "named"), [("onnxruntime", "[onnx]"), ("stser_core.recognizer", "stser_core.recognizer is not")]
)
def test_a_package_that_is_missing_is_named(replay, speech, monkeypatch, missing, named):
    monkeypatch.setitem(sys.modules, missing, None)
    code, _, said = replay(speech, "--runtime", "onnx")
    assert code == 1
    assert named in said and "Traceback" not in said


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("delay_s", [0.05, 0.2])
@pytest.mark.parametrize("entry", ["monitor.entry", "stser_core.training.entry"])
def test_ctrl_c_at_the_very_start_leaves_no_traceback(delay_s, entry):
    script = f"import sys; from {entry} import main; print(flush=True); sys.exit(main())"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", script, "--help"], text=True, **pipes)
    process.stdout.readline()
    time.sleep(delay_s)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode in (0, 130, -signal.SIGINT)
    assert said == ""


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "code"), [(["--version"], 0), (["replay", "missing.wav"], 1)])
def test_the_entry_point_leaves_nothing_unwritten(arguments, code):
    command = [sys.executable, "-c", "from monitor.entry import main; main()", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == code
    assert (run.stderr if code else run.stdout).endswith("\n")


@pytest.mark.slow
def test_python_without_docstrings_and_assertions_works(speech, scratch_checkpoint, tmp_path):
    command = [sys.executable, "-OO", *PROGRAM[1:], "replay", speech, "--checkpoint", scratch_checkpoint]
    command += ["--asr", "none", "--csv", tmp_path / "a"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert len((tmp_path / "a").read_text().splitlines()) == 7


def test_a_quiet_replay_without_outputs_says_that_it_leaves_nothing(replay, speech, tmp_path):
    assert replay(speech, "--quiet", "--csv", tmp_path / "call.csv") == (0, "", "")
    code, out, said = replay(speech, "--quiet")
    assert (code, out, said.count("\n")) == (0, "", 1)
    assert "--csv" in said


def test_several_recordings_have_a_timeline_each_and_none_is_given_twice(replay, speech, data, tmp_path):
    code, _, refused = replay(speech, speech)
    assert code == 2 and str(speech) in refused
    other, again = data / "emodb" / "03a02Nc.flac", tmp_path / "again" / speech.name
    again.parent.mkdir()
    shutil.copy(speech, again)
    alone, short = (replay(path, "--csv", "-", "--quiet").rows for path in (speech, other))

    done = replay(speech, tmp_path / "missing.wav", other, again, "--csv", "-", "--quiet")

    first, last = ([{**row, "recording": str(path)} for row in alone] for path in (speech, again))
    assert done.rows == [*first, *short, *last]
    said = done.err.splitlines()
    assert done.code == 1
    assert len(said) == 2 and "missing.wav" in said[0] and "1 of 4" in said[1]


def test_a_longer_pause_makes_fewer_turns(replay, speech):
    short, long = (len(replay(speech, "--pause", pause, "--csv", "-").rows) for pause in ("0.3", "1.5"))
    assert short > long


@pytest.fixture
def replaying(speech, scratch_checkpoint, tmp_path):
    """A replay of the recording over and over, long enough to be interrupted."""
    with wave.open(str(speech)) as source, wave.open(str(tmp_path / "long.wav"), "wb") as target:
        target.setparams(source.getparams())
        target.writeframes(source.readframes(source.getnframes()) * 100)
    command = [*PROGRAM, "replay", tmp_path / "long.wav", "--checkpoint", scratch_checkpoint, "--asr", "none"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*command, "--csv", "-"], text=True, **pipes) as process:
        yield process
        process.kill()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_replay_keeps_every_finished_turn(replaying, number, code):
    head = [replaying.stdout.readline(), replaying.stdout.readline()]
    replaying.send_signal(number)
    rest, err = replaying.stdout.read(), replaying.stderr.read()  # `communicate` would lose what `readline` has read
    assert replaying.wait() == code
    rows = list(csv.DictReader(io.StringIO("".join(head) + rest)))
    assert len(rows) == len(re.findall(r"^\d+:\d\d-", err, re.MULTILINE)) >= 1
    assert "Stopped at" in err
    assert "Traceback" not in err
    assert 0 < float(rows[-1]["end_s"]) < 1900


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_second_interruption_ends_at_once(replaying):
    replaying.stdout.readline()
    replaying.send_signal(signal.SIGINT)
    time.sleep(0.2)
    replaying.send_signal(signal.SIGINT)
    _, err = replaying.communicate(timeout=30)
    assert replaying.returncode == 130
    assert "Traceback" not in err


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the shell closes the streams")
@pytest.mark.parametrize(
    ("arguments", "closed", "code", "said"),
    [
        ("--version", ">&-", 141, ""),
        ("--device - --asr none", "<&-", 1, "stser-monitor: stdin ended before any sound came"),
        ("replay {speech} --asr none --quiet --csv -", ">&-", 141, ""),
        ("replay {speech} --asr none --csv {csv}", "2>&-", 0, ""),
        ("replay {speech} --asr none --csv {csv}", "2>/dev/full", 0, ""),
        ("replay {speech} --asr none --csv {csv}", "2>&1 >&- | true", 0, ""),
    ],
)
def test_a_standard_stream_that_is_closed_is_at_its_end(speech, tmp_path, arguments, closed, code, said):
    csv_file = tmp_path / "call.csv"
    command = f"{shlex.join(PROGRAM)} {arguments.format(speech=speech, csv=csv_file)} {closed}"
    process = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)

    assert process.returncode == code
    assert said in process.stderr and "unforeseen" not in process.stderr + process.stdout
    assert not csv_file.exists() if "{csv}" not in arguments else len(csv_file.read_text().splitlines()) == 7


def test_a_terminal_that_says_it_has_no_columns(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "0")
    assert main(["--help"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) > 40
