import io
import sys

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.timeline.file import read_timeline
from monitor.timeline.turn import COLUMNS
from stser_core.errors import DataError, MissingExtraError

UNEXPLAINED = ("salient_start_s", "salience")


def read(content):
    return pyarrow.parquet.read_table(io.BytesIO(content))


def test_the_table_has_the_columns_of_the_csv_with_their_types(exported, row, agent):
    table = read(exported("parquet", row(), agent()))
    assert tuple(table.column_names) == COLUMNS
    first, second = table.to_pylist()
    assert first == row().values()
    assert second == agent().values()
    assert table.schema.field("turn").type == pyarrow.int64()
    assert table.schema.field("p_angry").type == pyarrow.float64()
    assert table.schema.field("transcript").type == pyarrow.string()


def test_a_timeline_without_turns_has_the_same_types(exported, row):
    assert read(exported("parquet")).schema == read(exported("parquet", row())).schema


def test_further_columns_follow(exported, row):
    rows = [row(extra={"salient_start_s": 1.2, "salience": [0.5, 0.5], "who": "Ann"}), row(extra={"who": None})]
    table = read(exported("parquet", *rows))
    unknown = read(exported("parquet", row(extra={"salient_start_s": None})))
    assert unknown.schema.field("salient_start_s") == table.schema.field("salient_start_s")
    assert table.column("salient_start_s").to_pylist() == [1.2, None]
    assert table.column("salience").to_pylist() == ["[0.5, 0.5]", None]
    assert table.column("who").to_pylist() == ["Ann", None]


@given(st.text(max_size=20))
def test_any_text_survives(exported, row, text):
    assert read(exported("parquet", row(transcript=text or None))).column("transcript").to_pylist() == [text or None]


def test_without_pyarrow_the_extra_is_named(exported, row, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"Writing Parquet needs the extra \[parquet\]: pip install"):
        exported("parquet", row())


def test_what_was_exported_is_read_as_a_timeline(exported, row, agent, tmp_path):
    rows = (row(extra={"salient_start_s": 1.2, "salience": [0.5, 0.5]}), agent(extra=dict.fromkeys(UNEXPLAINED)))
    (tmp_path / "call.parquet").write_bytes(exported("parquet", *rows))
    assert read_timeline(tmp_path / "call.parquet").turns == rows


def test_parquet_that_is_damaged_or_of_something_else_is_refused(tmp_path):
    path = tmp_path / "call.parquet"
    path.write_bytes(b"PAR1 and more PAR1")
    with pytest.raises(DataError, match=r"call\.parquet"):
        read_timeline(path)
    pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), path)
    with pytest.raises(DataError, match=r"call\.parquet', row 1: .*recording"):
        read_timeline(path)
