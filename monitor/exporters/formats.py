"""The formats to which a finished timeline can be exported.

An `Exporter` writes turn by turn while they are found; a `Format` wants the whole timeline: sorted, on tiers, or as a
table.
All but Parquet are written with the standard library: none of the libraries that know a format both escapes texts and
writes to a stream, and each is worth more in the tests, as an independent reader of what it did not write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO

from monitor.exporters.captions import write_srt, write_webvtt
from monitor.exporters.csv import write_excel
from monitor.exporters.eaf import write_eaf
from monitor.exporters.emotionml import write_emotionml
from monitor.exporters.jsonl import write_json_lines, write_note_lines
from monitor.exporters.labels import write_audacity, write_note_labels, write_rttm
from monitor.exporters.parquet import write_parquet
from monitor.exporters.textgrid import write_textgrid
from monitor.timeline.notes import Note
from monitor.timeline.turn import Turn


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        ending: What its files' names end in.
        write: Writes turns, in any order, to a stream, which stays open; raises `MissingExtraError` where it needs a
            library that is not installed.
        write_notes: Writes marks and alerts behind them, or `None` where they have no place.
        table: It holds rows of any recordings; the others lay turns along the time of one.
        binary: It is not text for a terminal.
    """

    ending: str
    write: Callable[[Sequence[Turn], BinaryIO], None]
    write_notes: Callable[[Sequence[Note], BinaryIO], None] | None = None
    table: bool = False
    binary: bool = False


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "excel": Format(".excel.csv", write_excel, table=True),
        "jsonl": Format(".jsonl", write_json_lines, write_note_lines, table=True),
        "webvtt": Format(".vtt", write_webvtt),
        "srt": Format(".srt", write_srt),
        "audacity": Format(".labels.txt", write_audacity, write_note_labels),
        "textgrid": Format(".TextGrid", write_textgrid),
        "eaf": Format(".eaf", write_eaf),
        "emotionml": Format(".emotionml", write_emotionml),
        "rttm": Format(".rttm", write_rttm),
        "parquet": Format(".parquet", write_parquet, table=True, binary=True),
    }
)
"""Each format by the name that `--to` takes."""

ALIASES: Mapping[str, str] = MappingProxyType({"vtt": "webvtt", "json": "jsonl"})
"""Other names that people type."""
