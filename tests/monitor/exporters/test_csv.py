import csv

import pytest

from monitor.flow import Transcript, Word
from monitor.timeline.notes import Mark
from monitor.timeline.turn import COLUMNS


@pytest.fixture
def written(write_timeline):
    """Write turns, and read the rows as any program would."""

    def write(path, *turns, **options):
        with write_timeline(path, *turns, **options).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return write


def said(text):
    return Transcript((Word(text, 0.0, 1.0, 0.5),))


def test_a_row_reads_back_as_it_was(written, tmp_path, turn):
    (row,) = written(tmp_path / "out.csv", turn(dropped_ms=120))
    assert ",".join(row.values()) == (
        "call.wav,1,customer,1,1.000,2.500,angry,0.5000,0.5000,0.0833,0.2767,0.1400,angry,angry,neutral,"
        "where is it,0.9000,-23.4,120,compact"
    )
    assert tuple(row) == COLUMNS


def test_an_empty_timeline_is_a_header(written, tmp_path):
    path = tmp_path / "out.csv"
    assert written(path) == []
    assert path.read_bytes() == ",".join(COLUMNS).encode() + b"\n"


def test_a_table_has_no_place_for_marks(written, tmp_path, turn):
    assert len(written(tmp_path / "out.csv", turn(), Mark(1, 2.0))) == 1


def test_unknown_is_empty(written, tmp_path, turn):
    (row,) = written(tmp_path / "out.csv", turn(scores=None, transcript=None))
    unknown = [column for column, value in row.items() if value == ""]
    assert unknown == list(COLUMNS[COLUMNS.index("emotion") : COLUMNS.index("loudness_dbfs")])


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\tx", "\rx"])
def test_a_formula_is_neutralised_in_every_text(written, tmp_path, turn, text):
    (row,) = written(tmp_path / "out.csv", turn(recording=text, speaker=text, transcript=said(text)))
    assert (row["recording"], row["speaker"], row["transcript"]) == (f"'{text}",) * 3


@pytest.mark.parametrize("text", ["don't", "a=b", "'tis", "3-4", "", " =1"])
def test_other_texts_stay_as_they_are(written, tmp_path, turn, text):
    (row,) = written(tmp_path / "out.csv", turn(transcript=said(text)))
    assert row["transcript"] == text


def test_an_explained_timeline_has_two_columns_more(written, tmp_path, turn, explained):
    turns = turn(start_s=1.0, end_s=1.4, scores=explained((0.1, 0.2, 0.6, 0.1))), turn()
    known, unknown = written(tmp_path / "out.csv", *turns, explain=True)
    assert list(known) == [*COLUMNS, "salient_start_s", "salient_end_s"]
    assert (known["salient_start_s"], known["salient_end_s"]) == ("1.200", "1.300")
    assert (unknown["salient_start_s"], unknown["salient_end_s"]) == ("", "")
