"""CSV, JSON Lines and Parquet, read as any program would, and as timelines again."""

import csv
import io
import json
import sys

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.flow import Transcript, Word
from monitor.timeline.file import read_timeline
from monitor.timeline.notes import Alert, Mark
from monitor.timeline.turn import COLUMNS
from stser_core.emotions import LABELS
from stser_core.errors import DataError, MissingExtraError
from stser_core.scores import EmotionScores


@pytest.fixture
def csv_of(write_timeline, tmp_path):
    """Write turns and notes as CSV, and read the rows."""

    def write(*given, **options):
        with write_timeline(tmp_path / "out.csv", *given, **options).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return write


@pytest.fixture
def jsonl_of(write_timeline, tmp_path):
    """Write turns and notes as JSON Lines, and read the objects."""

    def write(*given, **options):
        path = write_timeline(tmp_path / "out.jsonl", *given, **options)
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    return write


def test_a_row_reads_back_as_it_was_and_a_table_has_no_place_for_marks(csv_of, turn):
    (row,) = csv_of(turn(dropped_ms=120), Mark(1, 2.0))
    assert ",".join(row.values()) == (
        "call.wav,1,customer,1,1.000,2.500,angry,0.5000,0.5000,0.0833,0.2767,0.1400,angry,angry,neutral,"
        "where is it,0.9000,-23.4,120,compact"
    )
    assert tuple(row) == COLUMNS


def test_an_empty_timeline_is_a_header(csv_of, tmp_path):
    assert csv_of() == []
    assert (tmp_path / "out.csv").read_bytes() == ",".join(COLUMNS).encode() + b"\n"


FORMULAS = ["=1+1", "+1", "-1", "@sum", "\tx", "\rx"]
OTHERS = ["don't", "a=b", "'tis", "3-4", "", " =1"]


@pytest.mark.parametrize(
    ("text", "kept"), [*((text, f"'{text}") for text in FORMULAS), *((text, text) for text in OTHERS)]
)
def test_a_formula_is_neutralised_in_every_text_and_nothing_else_is(csv_of, turn, text, kept):
    said = Transcript((Word(text, 0.0, 1.0, 0.5),))
    (row,) = csv_of(turn(recording=text, speaker=text, transcript=said))
    assert (row["recording"], row["speaker"], row["transcript"]) == (kept, kept, kept)


def test_a_line_has_the_columns_of_the_csv_with_numbers_as_numbers(jsonl_of, turn):
    (line,) = jsonl_of(turn())
    assert list(line) == [*COLUMNS, "words", "classifiers"]
    assert {column: line[column] for column in COLUMNS} == turn().values()
    assert line["words"][0] == {"text": "where", "start_s": 1.2, "end_s": 1.5, "confidence": 0.9}
    assert [word["text"] for word in line["words"]] == ["where", "is", "it"]
    assert line["classifiers"]["bimodal"] == {"angry": 0.1, "happy": 0.1, "neutral": 0.7, "sad": 0.1}


def test_a_further_classifier_has_its_probabilities_and_no_column(jsonl_of, turn):
    pitch = (0.0, 0.1, 0.2, 0.7)
    (line,) = jsonl_of(turn(scores=EmotionScores({"speech": pitch, "pitch": pitch}, pitch)))
    assert line["classifiers"] == {name: dict(zip(LABELS, pitch, strict=True)) for name in ("speech", "pitch")}
    assert list(line) == [*COLUMNS, "words", "classifiers"]


def test_unknown_is_empty_or_null(csv_of, jsonl_of, turn):
    unknown = turn(scores=None, transcript=None)
    (row,), (line,) = csv_of(unknown), jsonl_of(unknown)
    empty = COLUMNS[COLUMNS.index("emotion") : COLUMNS.index("loudness_dbfs")]
    assert [column for column, value in row.items() if value == ""] == list(empty)
    assert [key for key, value in line.items() if value is None] == [*empty, "words", "classifiers"]


def test_an_explained_timeline_tells_where_the_attention_rested(csv_of, jsonl_of, turn, explained):
    turns = turn(start_s=1.0, end_s=1.4, scores=explained((0.1, 0.2, 0.6, 0.1))), turn()
    known, unknown = csv_of(*turns, explain=True)
    assert list(known) == [*COLUMNS, "salient_start_s", "salient_end_s"]
    assert (known["salient_start_s"], known["salient_end_s"]) == ("1.200", "1.300")
    assert (unknown["salient_start_s"], unknown["salient_end_s"]) == ("", "")
    known, unknown = jsonl_of(*turns, explain=True)
    assert (known["salient_start_s"], known["salient_end_s"]) == (1.2, 1.3)
    assert known["salience"] == [0.1, 0.2, 0.6, 0.1]
    assert (unknown["salient_start_s"], unknown["salience"]) == (None, None)


def test_notes_are_told_from_turns_by_their_type(jsonl_of):
    mark, alert = jsonl_of(Mark(2, 61.23456), Alert("sad>0.5 for 2 turns", 70.5, 1, "customer", 9, "sad", 0.7124))
    assert mark == {"type": "mark", "number": 2, "time_s": 61.235}
    said = {"rule": "sad>0.5 for 2 turns", "speaker": "customer", "emotion": "sad", "probability": 0.7124}
    assert alert == {"type": "alert", "time_s": 70.5, "channel": 1, "turn": 9, **said}


def test_what_a_csv_does_not_tell_is_null(exported, row, tmp_path):
    content = exported("jsonl", row(extra={"salient_start_s": 1.2}))
    assert b'"words": null, "classifiers": null, "salient_start_s": 1.2}' in content
    (tmp_path / "call.jsonl").write_bytes(content)
    assert read_timeline(tmp_path / "call.jsonl").turns == (row(extra={"salient_start_s": 1.2}),)


@pytest.fixture(scope="module")
def table(exported):
    return lambda *rows: pyarrow.parquet.read_table(io.BytesIO(exported("parquet", *rows)))


def test_a_parquet_table_has_the_columns_of_the_csv_with_their_types(table, row, agent):
    made = table(row(), agent())
    assert tuple(made.column_names) == COLUMNS
    assert made.to_pylist() == [row().values(), agent().values()]
    assert made.schema.field("turn").type == pyarrow.int64()
    assert made.schema.field("p_angry").type == pyarrow.float64()
    assert made.schema.field("transcript").type == pyarrow.string()
    assert table().schema == made.schema


def test_further_columns_follow(table, row):
    made = table(row(extra={"salient_start_s": 1.2, "salience": [0.5, 0.5], "who": "Ann"}), row(extra={"who": None}))
    unknown = table(row(extra={"salient_start_s": None}))
    assert unknown.schema.field("salient_start_s") == made.schema.field("salient_start_s")
    assert made.column("salient_start_s").to_pylist() == [1.2, None]
    assert made.column("salience").to_pylist() == ["[0.5, 0.5]", None]
    assert made.column("who").to_pylist() == ["Ann", None]


@given(st.text(max_size=20))
def test_any_text_survives_in_parquet(table, row, text):
    assert table(row(transcript=text or None)).column("transcript").to_pylist() == [text or None]


def test_without_pyarrow_the_extra_is_named(exported, row, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"Writing Parquet needs the extra \[parquet\]: pip install"):
        exported("parquet", row())


def test_what_was_exported_is_read_as_a_timeline_and_other_parquet_is_refused(exported, row, agent, tmp_path):
    path = tmp_path / "call.parquet"
    unexplained = dict.fromkeys(("salient_start_s", "salience"))
    rows = (row(extra={"salient_start_s": 1.2, "salience": [0.5, 0.5]}), agent(extra=unexplained))
    path.write_bytes(exported("parquet", *rows))
    assert read_timeline(path).turns == rows
    path.write_bytes(b"PAR1 and more PAR1")
    with pytest.raises(DataError, match=r"call\.parquet"):
        read_timeline(path)
    pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), path)
    with pytest.raises(DataError, match=r"call\.parquet', row 1: .*recording"):
        read_timeline(path)
