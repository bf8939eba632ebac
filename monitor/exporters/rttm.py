"""A timeline as RTTM: who spoke when, as diarization tools score it; emotions and words have no place in it.

Source: NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan", appendix A. Fields are
separated by blanks, so blanks within a name become underscores.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import BinaryIO

from monitor.exporters.captions import encoded, in_order, shown_ms
from monitor.timeline.row import TimelineRow

_NOTHING = "<NA>"


def write_rttm(rows: Sequence[TimelineRow], stream: BinaryIO) -> None:
    """Write a SPEAKER line for each turn, in order of their start."""
    for row in in_order(rows):
        start, end = shown_ms(row)
        times = f"{start / 1000:.3f} {(end - start) / 1000:.3f}"
        name = _field(PurePath(row.recording).stem)
        line = (
            f"SPEAKER {name} {row.channel} {times} {_NOTHING} {_NOTHING} {_field(row.speaker)} {_NOTHING} {_NOTHING}\n"
        )
        stream.write(encoded(line))


def _field(text: str) -> str:
    return "_".join(text.replace("\0", "").split()) or _NOTHING
