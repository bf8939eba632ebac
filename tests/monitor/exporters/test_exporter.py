"""Destinations; continuing a live timeline, also one that a killed program has left; names that hold the date."""

import os
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from monitor.exporters.csv import CsvLines
from monitor.exporters.destination import Destination
from monitor.exporters.exporter import Exporter, name_at
from monitor.exporters.jsonl import JsonLines
from monitor.timeline.file import read_timeline
from monitor.timeline.notes import Mark
from stser_core.errors import OutputError, UsageError


@pytest.mark.parametrize("name", ["", "new/", "new.csv/", "missing/out.csv", "."])
def test_a_name_that_is_no_file_s_is_refused_at_once(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError if name else UsageError):
        Destination(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps open files from being removed")
def test_a_file_that_is_removed_while_writing_is_noticed(tmp_path):
    path = tmp_path / "out.csv"
    destination = Destination(str(path))
    destination.begin()
    destination.write("first\n")
    path.unlink()
    with pytest.raises(OutputError, match="removed"):
        destination.write("second\n")
    destination.close()


def test_an_older_file_stays_until_there_is_a_record_or_an_end_without_one(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("last week's timeline\n")
    path.chmod(0o640)
    failed = Destination(str(path))
    failed.begin("header\n")
    failed.close()
    destination = Destination(str(path))
    destination.begin("header\n")
    assert path.read_text() == "last week's timeline\n"
    for record in ("first\n", "second\n"):
        destination.write(record)
        assert path.read_text().endswith(record)
    assert path.read_text() == "header\nfirst\nsecond\n"
    with pytest.raises(OutputError, match="another program"):
        Destination(str(path))
    destination.close()
    empty = Destination(str(path))
    empty.begin("header\n")
    empty.finish()
    empty.close()
    assert path.read_text() == "header\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_in_a_read_only_folder_a_file_is_replaced_in_place(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old and longer\n")
    tmp_path.chmod(0o555)
    destination = Destination(str(path))
    destination.begin("header\n")
    destination.write("new\n")
    destination.close()
    tmp_path.chmod(0o755)
    assert path.read_text() == "header\nnew\n"


TODAY = datetime.now().astimezone()
NINE = datetime(2026, 11, 29, 9, 0, tzinfo=timezone(timedelta(hours=1)))


def clock(seconds):
    return (NINE + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


@pytest.fixture
def live(turn):
    """A live turn of a session that began so many seconds after nine."""

    def make(number, start_s, began=0.0, **changes):
        one = turn(turn=number, start_s=start_s, end_s=start_s + 1, **changes)
        return replace(one, extra={"started_at": clock(began + start_s)})

    return make


def open_to(path):
    lines = JsonLines() if path.suffix == ".jsonl" else CsvLines(live=True)
    return Exporter(str(path), lines, live=pytest.fail)


both = pytest.mark.parametrize("name", ["day.csv", "day.jsonl"])


def write(exporter, *turns):
    exporter.begin()
    for each in turns:
        (exporter.write_note if isinstance(each, Mark) else exporter.write)(each)
    exporter.finish()
    exporter.close()


def numbers(path):
    return [turn.turn for turn in read_timeline(path).turns]


def test_a_file_that_is_overwritten_stays_until_the_first_turn(tmp_path, live):
    path = tmp_path / "day.csv"
    path.write_text("something else\n")
    exporter = Exporter(str(path), CsvLines(live=True), live=pytest.fail, overwrite=True)
    assert path.read_text() == "something else\n"
    write(exporter, live(1, 0.0))
    assert numbers(path) == [1]


@both
def test_a_second_session_goes_on_behind_the_first_wherever_that_breaks_off(tmp_path, live, name):
    path = tmp_path / name
    write(open_to(path), live(1, 0.0), live(2, 5.0, speaker='"a",\nb'))
    content = path.read_bytes()
    path.unlink()
    write(open_to(path), live(1, 0.0))
    first = len(path.read_bytes())
    for end in (*range(first, len(content) - 1, 5), len(content) - 1, len(content)):
        if content[:end].endswith(b'"a"",\n'):
            continue  # a line end within quotes is refused: what follows may have been damaged otherwise
        path.write_bytes(content[:end])
        exporter = open_to(path)
        assert exporter.resumed.last_turn == (2 if end >= len(content) - 1 else 1)
        write(exporter, live(3, 0.0, began=3600))
        assert path.read_bytes().startswith(content if end == len(content) else content[:first])
        assert numbers(path) in ([1, 3], [1, 2, 3])


@both
def test_nothing_changes_before_something_is_begun(tmp_path, live, name):
    path = tmp_path / name
    write(open_to(path), live(1, 0.0))
    path.write_bytes(path.read_bytes() + b"half of")
    before = path.read_bytes()
    exporter = open_to(path)
    assert exporter.resumed.lost
    exporter.close()
    assert path.read_bytes() == before


def test_a_header_that_broke_off_is_written_again_and_what_a_spreadsheet_has_saved_continued(tmp_path, live):
    path = tmp_path / "day.csv"
    path.write_text("recording,chan")
    write(open_to(path), live(1, 0.0))
    assert numbers(path) == [1]
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    write(open_to(path), live(2, 5.0))
    assert numbers(path) == [1, 2]


@pytest.mark.parametrize("content", [b"dear diary\n", b"a,b\n1,2\n", b"\x00\xff", b"[1]", b'{"a": 1}\n'])
@both
def test_other_content_is_refused_and_stays(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(OutputError, match=name):
        open_to(tmp_path / name)
    assert (tmp_path / name).read_bytes() == content


def test_other_columns_are_refused(tmp_path, turn, live):
    write(Exporter(str(tmp_path / "replayed.csv"), CsvLines()), turn())
    with pytest.raises(OutputError, match=r"replayed\.csv.*started_at"):
        open_to(tmp_path / "replayed.csv")
    write(Exporter(str(tmp_path / "replayed.jsonl"), JsonLines()), turn())
    with pytest.raises(OutputError, match=r"replayed\.jsonl.*started_at"):
        open_to(tmp_path / "replayed.jsonl")
    write(open_to(tmp_path / "live.csv"), live(1, 0.0))
    with pytest.raises(OutputError, match=r"live\.csv"):
        Exporter(str(tmp_path / "live.csv"), JsonLines(), live=pytest.fail)


def test_the_numbers_of_marks_go_on_and_sessions_are_laid_out_by_the_clock(tmp_path, live):
    path = tmp_path / "day.jsonl"
    write(open_to(path), live(1, 10.0), Mark(4, 12.0, clock(12.0)))
    second = open_to(path)
    assert second.resumed.last_mark == 4
    write(second, live(2, 3.0, began=600), Mark(5, 7.0, clock(607.0)))
    file = read_timeline(path)
    assert [turn.start_s for turn in file.turns] == [10.0, 603.0]
    assert [word.start_s for word in file.turns[1].words] == [601.2, 601.5, 601.7]
    assert [note.time_s for note in file.notes] == [12.0, 607.0]
    assert len(file.notices) == 1


def test_a_file_that_goes_on_from_another_one_begins_with_its_first_turn(tmp_path, live):
    path = tmp_path / "day.jsonl"
    overlapped = replace(live(8, 36_000.0, channel=2), end_s=36_004.0)
    write(open_to(path), live(7, 36_002.0), overlapped, Mark(1, 36_005.0, clock(36_005.0)))
    written = path.read_bytes()
    file = read_timeline(path)
    assert [(turn.start_s, turn.end_s) for turn in file.turns] == [(2.0, 3.0), (0.0, 4.0)]
    assert [note.time_s for note in file.notes] == [5.0]
    assert len(file.notices) == 1
    write(open_to(path), live(9, 3.0, began=36_600), Mark(2, 7.0, clock(36_607.0)))
    file = read_timeline(path)
    assert [turn.start_s for turn in file.turns] == [2.0, 0.0, 603.0]
    assert [word.start_s for word in file.turns[2].words] == [601.2, 601.5, 601.7]
    assert [note.time_s for note in file.notes] == [5.0, 607.0]
    assert path.read_bytes().startswith(written)


@pytest.mark.parametrize(("step_s", "drift_s"), [(600.0, 0.5), (60.0, -45.0)])
def test_a_clock_that_drifts_and_sound_that_comes_too_fast_are_one_session(tmp_path, live, step_s, drift_s):
    path = tmp_path / "day.csv"
    write(open_to(path), *(live(number, step_s * number, began=drift_s * number) for number in range(1, 9)))
    file = read_timeline(path)
    assert [turn.start_s for turn in file.turns] == [step_s * number for number in range(1, 9)]
    assert file.notices == ()


def test_a_system_clock_that_was_set_back_leaves_no_overlap(tmp_path, live):
    path = tmp_path / "day.csv"
    write(open_to(path), live(1, 0.0), live(2, 100.0), live(3, 2.0, began=-3600))
    assert [turn.start_s for turn in read_timeline(path).turns] == [0.0, 100.0, 101.0]


def write_by_day(folder, live, days, say=pytest.fail):
    """Write a turn on each of these days from today."""
    moments = [(TODAY + timedelta(days=day)).isoformat(timespec="milliseconds") for day in days]
    turns = [
        replace(live(number, 10.0 * number), extra={"started_at": at}) for number, at in enumerate(moments, start=1)
    ]
    write(Exporter(str(folder / "%Y-%m-%d.csv"), CsvLines(live=True), live=say), *turns)


def name_on(day):
    return f"{TODAY + timedelta(days=day):%Y-%m-%d}.csv"


def test_a_turn_goes_to_the_file_of_the_day_on_which_it_starts(tmp_path, live):
    write_by_day(tmp_path, live, [0, 1, 0, 2])
    # The third began before the second one's file was: it stays with its neighbours.
    assert [numbers(tmp_path / name_on(day)) for day in (0, 1, 2)] == [[1], [2, 3], [4]]


def test_a_name_that_repeats_gets_no_number_twice(tmp_path, live):
    said = []
    write_by_day(tmp_path, live, [1, 1, 1])
    write_by_day(tmp_path, live, [0, 1, 1], said.append)
    assert [numbers(tmp_path / name_on(day)) for day in (0, 1)] == [[1, 2, 3], [1, 2, 3]]
    assert len(said) == 1


def test_where_the_next_file_is_not_available_the_one_in_hand_goes_on(tmp_path, live):
    said = []
    (tmp_path / name_on(1)).write_text("dear diary\n")
    write_by_day(tmp_path, live, [0, 1, 1], said.append)
    assert numbers(tmp_path / name_on(0)) == [1, 2, 3]
    assert len(said) == 1
    assert (tmp_path / name_on(1)).read_text() == "dear diary\n"


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("day-%Y-%m-%d.csv", "day-2026-11-29.csv"),
        ("%Y%m%d.csv", "20261129.csv"),
        ("%H.csv", "09.csv"),
        ("100%.csv", "100%.csv"),
        ("50%done.csv", "50%done.csv"),
        ("-", "-"),
    ],
)
def test_only_dates_are_directives(pattern, name):
    assert name_at(pattern, NINE) == name
