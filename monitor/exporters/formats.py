"""The formats to which a finished timeline can be exported.

An `Exporter` writes turn by turn while they are found; a `Format` wants the whole timeline: sorted, on tiers, or as a
table.
All but Parquet are written with the standard library: no library that knows such a format escapes texts as well, and
each is worth more in the tests, as an independent reader of what it did not write.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from monitor.exporters.annotations import as_eaf, as_emotionml, as_textgrid
from monitor.exporters.captions import as_audacity, as_rttm, as_srt, as_webvtt, notes_as_audacity
from monitor.exporters.csv import as_excel
from monitor.exporters.jsonl import as_json_lines, notes_as_json_lines
from monitor.exporters.parquet import as_parquet
from monitor.timeline.notes import Note
from monitor.timeline.turn import Turn
from stser_core.files import utf8


@dataclass(frozen=True)
class Format:
    """One format."""

    ending: str  # what its files' names end in
    # Makes a file of turns, in any order; raises `MissingExtraError` where it needs a library that is not installed.
    content: Callable[[Sequence[Turn]], str | bytes]
    # Makes what follows of marks and alerts; `None` where they have no place.
    notes: Callable[[Sequence[Note]], str] | None = None
    table: bool = False  # it holds rows of any recordings; the others lay turns along the time of one
    binary: bool = False  # it is not text for a terminal

    def made(self, turns: Sequence[Turn], notes: Sequence[Note] = ()) -> bytes:
        """The bytes of a file of turns and, where they have a place, notes."""
        content = self.content(turns)
        further = "" if self.notes is None else self.notes(notes)
        return (content if isinstance(content, bytes) else utf8(content)) + utf8(further)


FORMATS: Mapping[str, Format] = {
    "excel": Format(".excel.csv", as_excel, table=True),
    "jsonl": Format(".jsonl", as_json_lines, notes_as_json_lines, table=True),
    "webvtt": Format(".vtt", as_webvtt),
    "srt": Format(".srt", as_srt),
    "audacity": Format(".labels.txt", as_audacity, notes_as_audacity),
    "textgrid": Format(".TextGrid", as_textgrid),
    "eaf": Format(".eaf", as_eaf),
    "emotionml": Format(".emotionml", as_emotionml),
    "rttm": Format(".rttm", as_rttm),
    "parquet": Format(".parquet", as_parquet, table=True, binary=True),
}
"""Each format by the name that `--to` takes."""

ALIASES: Mapping[str, str] = {"vtt": "webvtt", "json": "jsonl"}
"""Other names that people type."""
