"""The command `report`: its files, its sentences and its exit codes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.cli import main

ROOT = Path(__file__).parents[3]


@pytest.fixture
def timeline(tmp_path, turn, write_timeline):
    agent = turn(turn=2, channel=2, speaker="agent", scores=None, start_s=3.0, end_s=4.0)
    return write_timeline(tmp_path / "call.jsonl", turn(), agent)


def test_a_page_with_sound(timeline, tmp_path, capsys, write_wav):
    recording = write_wav(tmp_path / "call.wav", [0] * 9 * 16_000)
    options = ["--audio", str(recording), "-o", str(tmp_path / "a.html"), "--quiet"]
    assert main(["report", str(timeline), *options]) == 0
    page = (tmp_path / "a.html").read_text()
    assert '<audio id="audio">' in page
    assert "0:00</output> / 0:09" in page
    assert capsys.readouterr().err == ""


def test_words_can_be_kept_out(timeline):
    main(["report", str(timeline)])
    assert "where is it" in timeline.with_suffix(".html").read_text()
    assert main(["report", str(timeline), "--no-transcript"]) == 0
    page = timeline.with_suffix(".html").read_text()
    assert "where" not in page[page.index("<body>") : page.index("<script>")]
    assert ">Turns</h2>" in page


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["notes.txt"], 1, "'notes.txt', line 1: this is not the header of a timeline"),
        (["gone.csv"], 1, "Cannot read the timeline 'gone.csv': No such file or directory."),
        (["call.jsonl", "--audio", "gone.wav"], 1, "gone.wav does not exist."),
        (["call.jsonl", "--audio", "notes.txt"], 1, "notes.txt cannot be read as audio"),
        (
            ["call.jsonl", "--audio", "short.wav"],
            1,
            "The recording is 1.0 s long, but the timeline's last turn ends at 4.0",
        ),
        (
            ["call.jsonl", "-o", "nowhere/a.html"],
            1,
            "Cannot write 'nowhere/a.html': the folder 'nowhere' does not exist.",
        ),
        (["call.jsonl", "-o", "."], 1, "Cannot write '.': it is a folder."),
        (
            ["call.jsonl", "--audio", "short.wav", "-o", "short.wav"],
            2,
            "The output 'short.wav' is the recording itself",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence_and_no_file(timeline, options, code, sentence, capsys, monkeypatch, write_wav):
    folder = timeline.parent
    monkeypatch.chdir(folder)
    write_wav(folder / "short.wav", [0] * 16_000)
    (folder / "notes.txt").write_text("dear diary\n")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["report", *options]) == code
    captured = capsys.readouterr()
    assert captured.err.startswith(f"stser-monitor: {sentence}")
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.slow
def test_a_report_without_sound_needs_no_model_and_no_decoder(timeline):
    code = (
        "import sys; from monitor.cli import main;"
        f"main(['report', {str(timeline)!r}, '--quiet']);"
        "print(sorted({'torch', 'av', 'vosk'} & sys.modules.keys()))"
    )
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
