"""A timeline as labels, a line for each turn: an Audacity label track, and RTTM, which diarization tools score.

Sources: Audacity Manual, "Importing and Exporting Labels" (no escapes, so a label holds no tab or line end); NIST, "The
2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan", appendix A (fields are separated by blanks, so
blanks within a name become underscores; emotions and words have no place in it).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import BinaryIO

from monitor.exporters.captions import caption, in_order, one_line, shown_ms
from monitor.timeline.notes import Mark, Note
from monitor.timeline.turn import Turn
from stser_core.files import utf8

_NOTHING = "<NA>"


def write_audacity(turns: Sequence[Turn], stream: BinaryIO) -> None:
    """Write a label for each turn, in order of their start."""
    for turn in in_order(turns):
        start, end = shown_ms(turn)
        label = f"{one_line(turn.speaker)}: {caption(turn)}"
        stream.write(utf8(f"{start / 1000:.6f}\t{end / 1000:.6f}\t{label}\n"))


def write_note_labels(notes: Sequence[Note], stream: BinaryIO) -> None:
    """Write a label at the moment of each mark and alert; Audacity puts them among the others by their time."""
    for note in notes:
        label = f"mark {note.number}" if isinstance(note, Mark) else f"{note.speaker}: alert {note.rule}"
        stream.write(utf8(f"{note.time_s:.6f}\t{note.time_s:.6f}\t{one_line(label)}\n"))


def write_rttm(turns: Sequence[Turn], stream: BinaryIO) -> None:
    """Write a SPEAKER line for each turn, in order of their start."""
    for turn in in_order(turns):
        start, end = shown_ms(turn)
        times = f"{start / 1000:.3f} {(end - start) / 1000:.3f}"
        name = _field(PurePath(turn.recording).stem)
        who = _field(turn.speaker)
        line = f"SPEAKER {name} {turn.channel} {times} {_NOTHING} {_NOTHING} {who} {_NOTHING} {_NOTHING}\n"
        stream.write(utf8(line))


def _field(text: str) -> str:
    return "_".join(text.replace("\0", "").split()) or _NOTHING
