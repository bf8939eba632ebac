import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from monitor.commands.timelines import analytics, export, report
from monitor.exporters.formats import FORMATS
from monitor.flow import Transcript, Word
from monitor.timeline.file import read_timeline
from monitor.timeline.notes import Mark
from stser_core.errors import DataError, UsageError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def timeline(tmp_path, turn, write_timeline):
    return write_timeline(tmp_path / "call.jsonl", turn(), turn(turn=2, channel=2, speaker="agent", scores=None))


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


def test_json_lines_that_lie_beside_the_timeline_are_not_overwritten_unless_named(tmp_path, turn, write_timeline):
    live = write_timeline(tmp_path / "call.jsonl", turn())
    content = live.read_bytes()
    copy = write_timeline(tmp_path / "call.csv.jsonl", turn()).rename(tmp_path / "call.other")
    with pytest.raises(UsageError, match=r"'.*call\.jsonl' exists already"):
        export(copy, "jsonl")
    with pytest.raises(UsageError, match="is the timeline itself"):
        export(live, "jsonl")
    assert live.read_bytes() == content
    export(copy, "jsonl", str(live), no_transcript=True, quiet=True)
    assert live.read_bytes() != content


def test_an_export_that_fails_leaves_the_older_file(timeline):
    target = timeline.with_suffix(".vtt")
    export(timeline, "webvtt", quiet=True)
    before = target.read_bytes()
    timeline.write_text('{"turn": 1}\n')
    with pytest.raises(DataError):
        export(timeline, "webvtt")
    assert target.read_bytes() == before
    assert sorted(path.name for path in timeline.parent.iterdir()) == ["call.jsonl", "call.vtt"]


@pytest.mark.parametrize("name", FORMATS)
def test_words_can_be_kept_out_of_every_format(timeline, name):
    target = timeline.parent / "out"
    export(timeline, name, str(target), no_transcript=True, quiet=True)
    assert b"where" not in target.read_bytes()


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


@pytest.mark.parametrize("values", ['"number": "one", "time_s": 1.0', '"number": 1, "time_s": 1e999'])
def test_a_broken_mark_is_refused(timeline, values):
    with timeline.open("a") as file:
        file.write('{"type": "mark", ' + values + "}\n")
    with pytest.raises(DataError, match="line 3: this is not a valid mark"):
        export(timeline, "jsonl", "-")


@pytest.mark.parametrize("kind", ["[]", "7", '"of a newer program"'])
def test_notes_of_other_types_are_passed_over(timeline, kind, capsys):
    with timeline.open("a") as file:
        file.write('{"type": ' + kind + ', "number": 1, "time_s": 1.0}\n')
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


def test_one_of_two_recordings(calls, capsys):
    export(calls, "rttm", recording="b/other.wav", quiet=True)
    assert (calls.parent / "calls.other.wav.rttm").read_text().split()[7] == "other"
    report(calls, recording="call.wav", quiet=True)
    assert (calls.parent / "calls.call.wav.html").exists()
    analytics(calls, "-", recording="b/other.wav")
    assert json.loads(capsys.readouterr().out)["recording"] == "b/other.wav"


def test_two_recordings_fit_a_table(calls):
    export(calls, "parquet", quiet=True)
    assert len(read_timeline(calls.with_suffix(".parquet")).turns) == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("command", [partial(export, to="srt"), report])
def test_nothing_lies_beside_a_pipe(timeline, command, tmp_path):
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    for output in (None, str(tmp_path / "out")):
        writer = threading.Thread(target=fifo.write_bytes, args=[timeline.read_bytes()])
        writer.start()
        if output is None:
            with pytest.raises(UsageError, match="-o"):
                command(fifo)
        else:
            command(fifo, output=output, quiet=True)
        writer.join()
    assert (tmp_path / "out").exists()


def test_a_dash_is_standard_input(timeline, tmp_path, monkeypatch, capsysbinary):
    export(timeline, "srt", "-")
    expected = capsysbinary.readouterr().out
    with timeline.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        export(Path("-"), "srt", "-")
        assert capsysbinary.readouterr().out == expected
        file.seek(0)
        report(Path("-"), output=str(tmp_path / "call.html"), quiet=True)
        assert (tmp_path / "call.html").exists()
        file.seek(0)
        with pytest.raises(UsageError, match="-o"):
            export(Path("-"), "srt")


@pytest.mark.slow
def test_an_export_needs_no_model_and_half_a_second_of_the_processor_at_most(timeline):
    code = (
        "import sys; from pathlib import Path; from monitor.commands.timelines import export;"
        f"export(Path({str(timeline)!r}), 'eaf', '-');"
        "heavy = {'torch', 'numpy', 'av', 'vosk', 'pyarrow', 'transformers'} & sys.modules.keys();"
        "print(sorted(heavy), file=sys.stderr)"
    )
    seconds = []
    for _ in range(2):
        before = os.times()
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        after = os.times()
        seconds.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert done.stderr == "[]\n"
    assert "<ANNOTATION_DOCUMENT" in done.stdout
    assert min(seconds) < 0.5


def test_excel_finds_utf8_and_the_timeline_reads_back(timeline, tmp_path, turn, write_timeline):
    said = turn(transcript=Transcript((Word("Où est-ce?", 1.2, 1.5, 0.9), Word("=1+1", 1.5, 1.6, 1.0))))
    path = write_timeline(tmp_path / "café.jsonl", said)
    export(path, "excel", quiet=True)
    made = tmp_path / "café.excel.csv"
    assert made.read_bytes().startswith(b"\xef\xbb\xbfrecording,")
    assert read_timeline(made).turns == (replace(said, words=None, classifiers=None),)
