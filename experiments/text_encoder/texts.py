"""Unlabelled text for pre-training: tables with a column `text`, each utterance once."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from stser_core.errors import DataError
from stser_core.text import normalise

_COLUMN = "text"
_SPLIT = "split"
_TRAINING = ("", "train", "training")
_GZIP = b"\x1f\x8b"


def read_texts(tables: Sequence[Path], judged_by: Sequence[Path] = ()) -> list[str]:
    """Read the texts to learn from.

    Args:
        tables: Separated by tabs or commas, with a header and a column `text`; may be compressed with gzip.
        judged_by: Labelled tables with a column `split`. What stands in another split than the training one is
            left out, so that nobody is judged on a text that was read before, even without its label.

    Returns:
        Each text as it is written, once (by its normalised words), in order; those without any word are left out.

    Raises:
        DataError: A table cannot be read, or has no column `text`, or nothing is left.
    """
    seen = {normalise(row[_COLUMN]) for row in _rows(judged_by) if row.get(_SPLIT, "").lower() not in _TRAINING}
    texts: list[str] = []
    seen.add("")
    for row in _rows(tables):
        words = normalise(row[_COLUMN])
        if words not in seen:
            seen.add(words)
            texts.append(row[_COLUMN])
    if not texts:
        raise DataError(f"There is no text to learn from in {', '.join(map(str, tables))}.")
    return texts


def some_of(texts: Sequence[str], most: int, seed: int) -> list[str]:
    """At most so many of the texts, drawn at random, in their order."""
    drawn = np.random.default_rng(seed).permutation(len(texts))[:most]
    return [texts[place] for place in sorted(drawn)]


def _rows(tables: Iterable[Path]) -> Iterator[dict[str, str]]:
    for table in tables:
        lines = _lines(_content(table))
        if _COLUMN not in (lines.fieldnames or ()):
            raise DataError(f"{table} has no column {_COLUMN!r}.")
        for row in lines:
            if row[_COLUMN] is None:
                raise DataError(f"{table}, line {lines.line_num}: the row ends before its column {_COLUMN!r}.")
            yield row


def _lines(content: str) -> csv.DictReader[str]:
    """A table with tabs, in which quotation marks are text; or with commas, where only these are in its first line."""
    header = content.partition("\n")[0]
    if "," in header and "\t" not in header:
        return csv.DictReader(io.StringIO(content, newline=""))
    return csv.DictReader(io.StringIO(content), delimiter="\t", quoting=csv.QUOTE_NONE)


def _content(table: Path) -> str:
    try:
        raw = table.read_bytes()
        return (gzip.decompress(raw) if raw.startswith(_GZIP) else raw).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"The text table {table} cannot be read ({error}).") from error
