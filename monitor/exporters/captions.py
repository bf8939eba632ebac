"""Formats with an entry for each turn, in order of their start: subtitles, Audacity's labels, and RTTM.

* SubRip has no specification and no escapes: players take `<i>` and the like for markup, and a text that looks like it
  is written as it is. Each turn is one line that begins with the speaker, which no reader takes for a time.
* In WebVTT (W3C, "WebVTT: The Web Video Text Tracks Format", section 4) each turn is a cue with the speaker as its
  voice and the emotion as its class, so that a style sheet can colour it: `::cue(.angry) { color: orangered }`.
* An Audacity label (Audacity Manual, "Importing and Exporting Labels") holds no tab or line end, as it has no escapes.
* RTTM (NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan", appendix A) separates fields by
  blanks, so blanks within a name become underscores; emotions and words have no place in it.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from monitor.timeline.notes import Mark, Note
from monitor.timeline.turn import Turn

_LINE_ENDS = ("Cc", "Zl", "Zp")
NO_WORDS = "[speech]"
_NOTHING = "<NA>"
_WEBVTT_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def in_order(turns: Iterable[Turn]) -> list[Turn]:
    """The turns as one reads them: by their start."""
    return sorted(turns, key=lambda turn: turn.place)


def shown_ms(turn: Turn) -> tuple[int, int]:
    """Start and end in milliseconds; the end lies after the start, as every one of these formats demands."""
    return turn.start_ms, max(turn.end_ms, turn.start_ms + 1)


def caption(turn: Turn) -> str:
    """Emotion and words in one line: `[angry 50%] where is it`."""
    parts = [] if turn.emotion is None or turn.confidence is None else [f"[{turn.emotion} {turn.confidence:.0%}]"]
    words = one_line(turn.transcript or "")
    if words:
        parts.append(words)
    return " ".join(parts) or NO_WORDS


def one_line(text: str) -> str:
    """The text with a blank for each line end, tab and other control character, for formats that cannot hold them."""
    return "".join(" " if unicodedata.category(sign) in _LINE_ENDS else sign for sign in text).strip()


def as_srt(turns: Sequence[Turn]) -> str:
    """A subtitle for each turn."""
    return "".join(
        f"{number}\n{_times(turn, ',')}\n{one_line(turn.speaker)}: {caption(turn)}\n\n"
        for number, turn in enumerate(in_order(turns), start=1)
    )


def as_webvtt(turns: Sequence[Turn]) -> str:
    """A cue for each turn."""
    cues = ["WEBVTT\n"]
    for number, turn in enumerate(in_order(turns), start=1):
        text, speaker = (each.translate(_WEBVTT_ESCAPES) for each in (caption(turn), one_line(turn.speaker)))
        voice = "v" if turn.emotion is None else f"v.{turn.emotion}"
        said = f"<{voice} {speaker}>{text}</v>" if speaker else text
        cues.append(f"\n{number}\n{_times(turn, '.')}\n{said}\n")
    return "".join(cues)


def as_audacity(turns: Sequence[Turn]) -> str:
    """A label for each turn."""
    return "".join(_label(*shown_ms(turn), f"{one_line(turn.speaker)}: {caption(turn)}") for turn in in_order(turns))


def notes_as_audacity(notes: Sequence[Note]) -> str:
    """A label at the moment of each mark and alert; Audacity puts them among the others by their time."""
    labels = []
    for note in notes:
        text = f"mark {note.number}" if isinstance(note, Mark) else one_line(f"{note.speaker}: alert {note.rule}")
        labels.append(_label(1000 * note.time_s, 1000 * note.time_s, text))
    return "".join(labels)


def as_rttm(turns: Sequence[Turn]) -> str:
    """A SPEAKER line for each turn of speech: who spoke when, for tools that score diarization."""
    lines = []
    for turn in in_order(turn for turn in turns if not turn.is_music):
        start, end = shown_ms(turn)
        name, who = _field(PurePath(turn.recording).stem), _field(turn.speaker)
        times = f"{start / 1000:.3f} {(end - start) / 1000:.3f}"
        lines.append(f"SPEAKER {name} {turn.channel} {times} {_NOTHING} {_NOTHING} {who} {_NOTHING} {_NOTHING}\n")
    return "".join(lines)


def _times(turn: Turn, decimal: str) -> str:
    """`hh:mm:ss.mmm --> hh:mm:ss.mmm`."""
    return " --> ".join(
        f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{decimal}{ms % 1000:03}"
        for ms in shown_ms(turn)
    )


def _label(start_ms: float, end_ms: float, text: str) -> str:
    return f"{start_ms / 1000:.6f}\t{end_ms / 1000:.6f}\t{text}\n"


def _field(text: str) -> str:
    return "_".join(text.replace("\0", "").split()) or _NOTHING
