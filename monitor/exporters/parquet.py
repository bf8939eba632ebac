"""A timeline as Parquet, for tables of many calls: the CSV's columns with their types, `null` for what is not known."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from monitor.timeline.turn import COLUMNS, COUNTS, EMOTIONS, TEXTS, Turn
from stser_core.errors import MissingExtraError
from stser_core.files import utf8

if TYPE_CHECKING:
    import pyarrow


def require_parquet(purpose: str) -> None:
    """Raise a `MissingExtraError` without pyarrow: before the work rather than after it."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(purpose, "parquet") from error


def as_parquet(turns: Sequence[Turn]) -> bytes:
    """One table. Raises what `require_parquet` raises."""
    require_parquet("Writing Parquet")
    import pyarrow.parquet

    stream = io.BytesIO()
    pyarrow.parquet.write_table(table(turns), stream)
    return stream.getvalue()


def table(turns: Sequence[Turn]) -> pyarrow.Table:
    """The turns as one Arrow table: the timeline's columns, then whatever else the turns hold."""
    import pyarrow

    values = [{column: _utf8(value) for column, value in turn.values().items()} for turn in turns]
    types = {**dict.fromkeys((*TEXTS, *EMOTIONS), "string"), **dict.fromkeys(COUNTS, "int64")}
    columns = {name: pyarrow.array([each[name] for each in values], types.get(name, "float64")) for name in COLUMNS}
    for name in sorted({name for turn in turns for name in turn.extra}):
        columns[name] = _further(name, [turn.extra.get(name) for turn in turns])
    return pyarrow.table(columns)


def _further(name: str, values: Sequence[object]) -> pyarrow.Array:
    """Numbers as numbers where all are, else texts; of seconds (`_s`) that are not known in any row, numbers too."""
    import pyarrow

    known = [value for value in values if value is not None]
    seconds = not known and name.endswith("_s")
    if seconds or (known and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known)):
        return pyarrow.array([None if value is None else float(str(value)) for value in values], "float64")
    texts = (one if isinstance(one, str | None) else json.dumps(one, ensure_ascii=False) for one in values)
    return pyarrow.array([_utf8(text) for text in texts], "string")


def _utf8(value: object) -> object:
    return utf8(value).decode() if isinstance(value, str) else value
