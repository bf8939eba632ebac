from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from stser_core.errors import DataError
from stser_core.training.text_encoder.texts import read_texts


def table(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_each_text_comes_once_as_it_is_written(tmp_path: Path) -> None:
    first = table(tmp_path / "a.tsv", "corpus\ttext", "x\tHello there!", "x\thello there", 'x\t"quoted', "x\t…")
    assert read_texts([first]) == ["Hello there!", '"quoted']


def test_commas_do_as_well_as_tabs(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "corpus,text", 'x,"Hello, there!"', "x,Good morning.")
    assert read_texts([path]) == ["Hello, there!", "Good morning."]
    assert read_texts([table(tmp_path / "b.txt", "text", "Well, then.")]) == ["Well, then."]


def test_a_compressed_table_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(gzip.compress(b"text\nHello there!\n"))
    assert read_texts([path]) == ["Hello there!"]


def test_what_others_are_judged_by_is_left_out_everywhere(tmp_path: Path) -> None:
    unlabelled = table(tmp_path / "a.tsv", "text", "I am happy.", "Rain again.", "Good morning.")
    labelled = table(tmp_path / "b.tsv", "split\ttext", "train\tgood morning", "dev\ti am happy", "test\train again")
    assert read_texts([unlabelled, labelled], [labelled]) == ["Good morning."]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"corpus\twords\nx\tHello\n", "has no column 'text'"),
        (b"corpus\ttext\nx\n", "line 2"),
        (b"\x1f\x8bbroken", "cannot be read"),
        (b"text\n\xff\xfe\n", "cannot be read"),
        (b"text\n", "no text to learn from"),
    ],
)
def test_a_broken_table_is_named(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=complaint):
        read_texts([path])


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing\.tsv cannot be read"):
        read_texts([tmp_path / "missing.tsv"])
