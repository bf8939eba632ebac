"""A timeline as RTTM: who spoke when, as diarization tools score it; emotions and words have no place in it.

Source: NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan", appendix A. Fields are
separated by blanks, so blanks within a name become underscores.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import BinaryIO

from monitor.exporters.captions import encoded, in_order, shown_ms
from monitor.timeline.turn import Turn

_NOTHING = "<NA>"


def write_rttm(turns: Sequence[Turn], stream: BinaryIO) -> None:
    """Write a SPEAKER line for each turn, in order of their start."""
    for turn in in_order(turns):
        start, end = shown_ms(turn)
        times = f"{start / 1000:.3f} {(end - start) / 1000:.3f}"
        name = _field(PurePath(turn.recording).stem)
        who = _field(turn.speaker)
        line = f"SPEAKER {name} {turn.channel} {times} {_NOTHING} {_NOTHING} {who} {_NOTHING} {_NOTHING}\n"
        stream.write(encoded(line))


def _field(text: str) -> str:
    return "_".join(text.replace("\0", "").split()) or _NOTHING
