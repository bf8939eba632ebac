"""The commands that read timelines: `export`, `analytics` and `report`."""

import io
import json
import os
import subprocess
import sys
import threading
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.commands.timelines import analytics, export, report
from monitor.exporters.formats import FORMATS
from monitor.flow import Transcript, Word
from monitor.timeline.file import read_timeline
from monitor.timeline.notes import Mark
from stser_core.errors import DataError, UsageError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def agent(turn):
    return turn(turn=2, channel=2, speaker="agent", scores=None, start_s=3.0, end_s=4.0)


@pytest.fixture
def timeline(tmp_path, turn, agent, write_timeline):
    return write_timeline(tmp_path / "call.jsonl", turn(), agent)


@pytest.mark.parametrize(
    ("command", "ending"),
    [
        *((partial(export, to=name), form.ending) for name, form in FORMATS.items() if name != "jsonl"),
        (report, ".html"),
    ],
)
def test_by_default_the_file_lies_beside_the_timeline(timeline, command, ending, capsys):
    command(timeline)
    (made,) = set(timeline.parent.iterdir()) - {timeline}
    assert made.name == f"call{ending}"
    assert made.stat().st_size > 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"stser-monitor: Wrote '{made}'.\n")


@pytest.mark.parametrize("command", [*(partial(export, to=name) for name in FORMATS), report])
def test_words_can_be_kept_out_of_every_format(timeline, command):
    target = timeline.parent / "out"
    command(timeline, output=str(target), no_transcript=True, quiet=True)
    content = target.read_bytes()
    if command is report:
        content = content[content.index(b"<body>") : content.index(b"<script>")]
        assert b">Turns</h2>" in content
    assert b"where" not in content


def test_a_dash_is_standard_output_and_a_format_is_known_in_any_case(timeline, capsysbinary):
    export(timeline, "RTTM", "-")
    captured = capsysbinary.readouterr()
    assert captured.out.startswith(b"SPEAKER call 1 1.000 1.500")
    assert captured.err == b""


def test_a_wrong_format_is_told_with_those_there_are(timeline):
    with pytest.raises(UsageError, match=r"docx.*excel, jsonl, webvtt, srt, audacity, textgrid, "):
        export(timeline, "docx")


@pytest.mark.parametrize("command", [partial(export, to="jsonl"), analytics, report])
@pytest.mark.parametrize("output", ["call.jsonl", "link.jsonl"])
def test_the_timeline_itself_is_never_overwritten(timeline, command, output):
    content = timeline.read_bytes()
    (timeline.parent / "link.jsonl").symlink_to(timeline)
    with pytest.raises(UsageError, match="is the timeline itself"):
        command(timeline, output=str(timeline.parent / output))
    assert timeline.read_bytes() == content


def test_json_lines_that_lie_beside_the_timeline_are_not_overwritten_unless_named(timeline, turn, write_timeline):
    content = timeline.read_bytes()
    copy = write_timeline(timeline.with_suffix(".csv.jsonl"), turn()).rename(timeline.with_suffix(".other"))
    with pytest.raises(UsageError, match=r"'.*call\.jsonl' exists already"):
        export(copy, "jsonl")
    with pytest.raises(UsageError, match="is the timeline itself"):
        export(timeline, "jsonl")
    assert timeline.read_bytes() == content
    export(copy, "jsonl", str(timeline), no_transcript=True, quiet=True)
    assert timeline.read_bytes() != content


def test_an_export_that_fails_leaves_the_older_file(timeline):
    target = timeline.with_suffix(".vtt")
    export(timeline, "webvtt", quiet=True)
    before = target.read_bytes()
    timeline.write_text('{"turn": 1}\n')
    with pytest.raises(DataError):
        export(timeline, "webvtt")
    assert target.read_bytes() == before
    assert sorted(path.name for path in timeline.parent.iterdir()) == ["call.jsonl", "call.vtt"]


@pytest.fixture
def noted(tmp_path, turn, alert_note, write_timeline):
    """A timeline with two marks and an alert."""
    return write_timeline(tmp_path / "noted.jsonl", turn(), turn(turn=2), Mark(1, 2.0), Mark(2, 140.0), alert_note())


def test_marks_and_alerts_stay_in_json_lines_and_are_labels_of_audacity(noted, capsys):
    export(noted, "jsonl", "-")
    assert capsys.readouterr() == (noted.read_text(), "")
    export(noted, "audacity", "-")
    captured = capsys.readouterr()
    assert captured.out.splitlines()[2:] == [
        "2.000000\t2.000000\tmark 1",
        "140.000000\t140.000000\tmark 2",
        "2.500000\t2.500000\tcustomer: alert angry>0.4",
    ]
    assert captured.err == ""


@pytest.mark.parametrize("to", ["webvtt", "rttm"])
def test_where_marks_and_alerts_have_no_place_it_is_said(noted, to, capsys):
    export(noted, to, "-")
    assert capsys.readouterr().err == f"stser-monitor: 3 marks and alerts have no place in {to}.\n"


@pytest.mark.parametrize(
    ("note", "broken"),
    [
        ('"mark", "number": "one", "time_s": 1.0', True),
        ('"mark", "number": 1, "time_s": 1e999', True),
        ('[], "number": 1, "time_s": 1.0', False),
        ('7, "number": 1, "time_s": 1.0', False),
        ('"of a newer program", "number": 1, "time_s": 1.0', False),
    ],
)
def test_a_broken_mark_is_refused_and_notes_of_other_types_are_passed_over(timeline, note, broken, capsys):
    with timeline.open("a") as file:
        file.write(f'{{"type": {note}}}\n')
    with pytest.raises(DataError, match="line 3: this is not a valid mark") if broken else nullcontext():
        export(timeline, "audacity", "-")
    assert "mark" not in capsys.readouterr().out


@pytest.fixture
def calls(tmp_path, turn, write_timeline):
    """The timeline of two recordings."""
    return write_timeline(tmp_path / "calls.jsonl", turn(), turn(recording="b/other.wav", speaker="other"))


@pytest.mark.parametrize("command", [partial(export, to="srt"), analytics, report])
def test_of_two_recordings_one_has_to_be_chosen(calls, command):
    with pytest.raises(UsageError, match=r"2 recordings \('call.wav', 'b/other.wav'\).*--recording"):
        command(calls)
    with pytest.raises(UsageError, match=r"'c.wav'.*'call.wav', 'b/other.wav'"):
        command(calls, recording="c.wav")


def test_one_of_two_recordings_and_both_in_a_table(calls, capsys):
    export(calls, "rttm", recording="b/other.wav", quiet=True)
    assert (calls.parent / "calls.b_other.wav.rttm").read_text().split()[7] == "other"
    report(calls, recording="call.wav", quiet=True)
    assert (calls.parent / "calls.call.wav.html").exists()
    analytics(calls, "-", recording="b/other.wav")
    assert json.loads(capsys.readouterr().out)["recording"] == "b/other.wav"
    export(calls, "parquet", quiet=True)
    assert len(read_timeline(calls.with_suffix(".parquet")).turns) == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("given", ["pipe", "-"])
@pytest.mark.parametrize("command", [partial(export, to="jsonl"), report])
def test_a_pipe_is_read_and_nothing_lies_beside_it(timeline, command, given, tmp_path, monkeypatch):
    made, content = tmp_path / "made", timeline.read_bytes()
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    for output in (None, str(made)):
        if given == "pipe":
            threading.Thread(target=Path("pipe").write_bytes, args=[content], daemon=True).start()
        else:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        with nullcontext() if output else pytest.raises(UsageError, match="-o"):
            command(Path(given), output=output, quiet=True)
    assert made.exists()
    assert command is report or made.read_bytes() == content


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "heavy", "most_s"),
    [
        (["export", "--to", "eaf", "-o", "-"], {"torch", "numpy", "av", "vosk", "pyarrow", "transformers"}, 0.5),
        (["report", "-o", "-"], {"torch", "av", "vosk"}, inf),
    ],
)
def test_no_model_is_loaded_and_an_export_takes_half_a_second_of_the_processor(timeline, arguments, heavy, most_s):
    code = "import sys; from monitor.cli import main; main(sys.argv[1:]);"
    code += f"print(sorted({heavy} & sys.modules.keys()), file=sys.stderr)"
    command = [sys.executable, "-Werror", "-c", code, *arguments, str(timeline)]
    seconds = []
    for _ in range(2):
        before = os.times()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        after = os.times()
        seconds.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert done.stderr == "[]\n"
    assert "where is it" in done.stdout
    assert min(seconds) < most_s


def test_excel_finds_utf8_and_the_timeline_reads_back(tmp_path, turn, write_timeline):
    said = turn(transcript=Transcript((Word("Où est-ce?", 1.2, 1.5, 0.9), Word("=1+1", 1.5, 1.6, 1.0))))
    path = write_timeline(tmp_path / "café.jsonl", said)
    export(path, "excel", quiet=True)
    made = tmp_path / "café.excel.csv"
    assert made.read_bytes().startswith(b"\xef\xbb\xbfrecording,")
    assert read_timeline(made).turns == (replace(said, words=None, classifiers=None),)


@pytest.mark.parametrize("kept_out", [False, True])
def test_analytics_are_written_as_json_with_or_without_words(timeline, capsys, kept_out):
    analytics(timeline, "-", no_transcript=kept_out)
    call = json.loads(capsys.readouterr().out)
    customer, agent = call["speakers"]
    assert (customer["speaker"], customer["words"]) == ("customer", None if kept_out else 3)
    assert (agent["speaker"], agent["emotions"]) == ("agent", None)
    assert {turn["transcript"] for turn in call["angriest_minute"]["turns"]} == {None if kept_out else "where is it"}


def test_analytics_without_a_file_are_shown_in_full(tmp_path, turn, agent, capsys, write_timeline):
    long = turn(turn=3, start_s=20, end_s=25, transcript=Transcript((Word("on and on " * 20 + "end", 20, 25, 0.9),)))
    analytics(write_timeline(tmp_path / "call.csv", turn(), agent, long))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["speaker", "customer", "agent"]
    assert lines[-1].endswith("on and on end")


def test_nobody_spoke(tmp_path, capsys, write_timeline):
    analytics(write_timeline(tmp_path / "silent.csv"))
    assert capsys.readouterr().out == "No speech was found.\n"


def test_words_that_the_output_s_encoding_lacks_do_not_end_a_command(tmp_path, turn, write_timeline, monkeypatch):
    japanese = turn(speaker="日本", transcript=Transcript((Word("日本", 1.2, 1.5, 0.9),)))
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    assert main(["analytics", str(write_timeline(tmp_path / "call.csv", japanese))]) == 0
    assert b"?" in written.getvalue()


@pytest.mark.parametrize("command", ["replay", "analytics"])
def test_what_a_file_is_called_and_holds_cannot_command_the_terminal(command, tmp_path, turn, capsys, write_timeline):
    obeyed = "\x1b]0;title\x07\x1b[2J\x9b31m"
    said = turn(recording=f"call{obeyed}.wav", speaker=obeyed, transcript=Transcript((Word(obeyed, 1.2, 1.5, 0.9),)))
    main(["analytics", str(write_timeline(tmp_path / "call.csv", said))])
    shown = capsys.readouterr().out
    refused = tmp_path / f"{obeyed}.csv"
    refused.write_text("neither sound nor timeline\n")
    assert main([command, str(refused)]) == 1
    for text in (shown, capsys.readouterr().err):
        assert text and not set(text) & {"\x1b", "\x07", "\x9b"}


def test_a_name_neither_breaks_the_line_nor_changes_its_direction(timeline, tmp_path, capsys):
    made = tmp_path / "a\nb\r\u2028\u202ec\u2066\u200f.csv"
    assert main(["export", str(timeline), "--to", "excel", "-o", str(made)]) == 0
    assert made.exists()
    assert capsys.readouterr().err.endswith("a?b???c??.csv'.\n")


def test_a_page_with_sound(timeline, tmp_path, write_wav):
    recording = write_wav(tmp_path / "call.wav", [0] * 9 * 16_000)
    report(timeline, recording, output=str(tmp_path / "a.html"), quiet=True)
    page = (tmp_path / "a.html").read_text()
    assert '<audio id="audio">' in page
    assert "0:00</output> / 0:09" in page


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ("notes.txt", 1, "'notes.txt', line 1: this is not the header of a timeline"),
        ("gone.csv", 1, "Cannot read the timeline 'gone.csv': No such file or directory."),
        ("call.jsonl --audio gone.wav", 1, "gone.wav does not exist."),
        ("call.jsonl --audio notes.txt", 1, "notes.txt cannot be read as audio"),
        ("call.jsonl --audio short.wav", 1, "The recording is 1.0 s long, but the timeline's last turn ends at 4.0"),
        ("call.jsonl -o nowhere/a.html", 1, "Cannot write 'nowhere/a.html': the folder 'nowhere' does not exist."),
        ("call.jsonl -o .", 1, "Cannot write '.': it is a folder."),
        ("call.jsonl --audio short.wav -o short.wav", 2, "The output 'short.wav' is the recording itself"),
    ],
)
def test_a_page_that_cannot_be_is_one_sentence_and_no_file(
    timeline, arguments, code, sentence, capsys, monkeypatch, write_wav
):
    folder = timeline.parent
    monkeypatch.chdir(folder)
    write_wav(folder / "short.wav", [0] * 16_000)
    (folder / "notes.txt").write_text("dear diary\n")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["report", *arguments.split()]) == code
    captured = capsys.readouterr()
    assert captured.err.startswith(f"stser-monitor: {sentence}")
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
