"""A report: one page of a call, made from its timeline."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from monitor.analytics.call import analyse
from monitor.analytics.spans import Speaker, speaker_of
from monitor.display.palette import LETTERS
from monitor.timeline.notes import Alert, Mark, Note
from monitor.timeline.turn import Turn
from monitor.web.page import json_block
from monitor.web.page import render as render_page
from stser_core.emotions import LABELS
from stser_core.errors import AudioError

if TYPE_CHECKING:
    from monitor.report.sound import Sound

_CUT_OFF_S = 0.5
"""By how much a recording may end before its timeline does: players round, and codecs cut off part of a frame."""


@dataclass(frozen=True)
class Said:
    """One or more words of a transcript, and whether the speech encoder's attention rested on them."""

    text: str
    salient: bool = False


@dataclass(frozen=True)
class ShownTurn:
    """A turn of the report, by its place in the order of the starts, with its speaker's lane; both count from 0."""

    place: int
    row: Turn
    lane: int
    said: tuple[Said, ...]  # the transcript in pieces; empty where no words are known
    alerts: tuple[str, ...]  # the rules that came true with it


def render(
    rows: Sequence[Turn], notes: Sequence[Note], title: str, *, sound: Sound | None = None, transcripts: bool = True
) -> bytes:
    """Make the page of a timeline: a whole HTML file in UTF-8.

    Everything that it shows is data: the template escapes texts, and scripts read their data from JSON. Even so, the
    page forbids itself every load from elsewhere, and every script and style but its own.

    Args:
        rows: The turns of one recording, in any order.
        notes: Its marks and alerts.
        title: Shown where nobody speaks, who would tell the recording's name.
        sound: The recording that the page plays.
        transcripts: Whether words may be shown: where not, the page need not speak of missing ones.

    Raises:
        DataError: The rows are of more than one recording.
        AudioError: The recording is shorter than the timeline.
    """
    call = analyse(rows, None if sound is None else sound.duration_s)
    end_s = max((row.end_s for row in rows), default=0.0)
    if sound is not None and end_s > sound.duration_s + _CUT_OFF_S:
        raise AudioError(
            f"The recording is {sound.duration_s:.1f} s long, but the timeline's last turn ends at {end_s:.1f} s; "
            "give the recording that the timeline was made from."
        )
    speakers = sorted(set(map(speaker_of, rows)))  # also where there is only music, which is in no metric
    emotions = {(each.channel, each.speaker): each.emotions for each in call.speakers}
    turns = _shown_turns(rows, notes, speakers)
    marks = [note for note in notes if isinstance(note, Mark)]
    both: list[ShownTurn | Mark] = [*turns, *marks]
    # A live session may go on after its last turn, as far as its marks tell.
    length_s = max([call.duration_s, *(mark.time_s for mark in marks)])
    report = {
        "length_s": length_s,
        "checkpoints": sorted({row.checkpoint for row in rows if row.checkpoint}),
        "turns": turns,
        "lanes": [(speaker[1], emotions.get(speaker)) for speaker in speakers],
        "marks": marks,
        "entries": sorted(both, key=lambda one: one.time_s if isinstance(one, Mark) else one.row.start_s),
        "salient": any(piece.salient for turn in turns for piece in turn.said),
        "scored": any(row.emotion is not None for row in rows),
        "transcripts": transcripts,
    }
    return render_page(
        "monitor.report",
        "page/report.html",
        styles=("report.css",),
        scripts=("call.js", "sound.js", "lanes.js", "curves.js", "transcript.js", "keys.js", "start.js"),
        curves=True,
        permits=("media-src blob:",),
        title=call.recording or title,
        report=report,
        call=call,
        data=json_block(_data(length_s, [name for _, name in speakers], turns, marks)),
        # Its alphabet has nothing that HTML knows.
        sound=base64.b64encode(sound.content).decode() if sound is not None else None,
    )


def _shown_turns(rows: Sequence[Turn], notes: Sequence[Note], speakers: Sequence[Speaker]) -> list[ShownTurn]:
    """The turns in the order in which they are read, each with its speaker's lane and its alerts."""
    rules: dict[int, list[str]] = {}
    for note in notes:
        if isinstance(note, Alert):
            rules.setdefault(note.turn, []).append(note.rule)
    return [
        ShownTurn(place, row, speakers.index(speaker_of(row)), said(row), tuple(rules.get(row.turn, ())))
        for place, row in enumerate(sorted(rows, key=lambda row: row.place))
    ]


def _data(
    length_s: float, speakers: Sequence[str], turns: Sequence[ShownTurn], marks: Sequence[Mark]
) -> dict[str, object]:
    """The scripts' data: times, speakers and scores, but no words, which are in the page already."""
    return {
        "duration": length_s,
        "labels": list(LABELS),
        "letters": [LETTERS[label] for label in LABELS],
        "speakers": list(speakers),
        "turns": [_turn_data(turn) for turn in turns],
        "marks": [{"time": mark.time_s, "number": mark.number} for mark in marks],
    }


def _turn_data(turn: ShownTurn) -> dict[str, object]:
    return {
        "start": turn.row.start_s,
        "end": turn.row.end_s,
        "lane": turn.lane,
        "emotion": turn.row.emotion,
        "confidence": turn.row.confidence,
        "p": turn.row.probabilities,
        "alert": bool(turn.alerts),
    }


def said(row: Turn) -> tuple[Said, ...]:
    """The transcript, with the words marked whose middle lies in the salient stretch.

    Without the words' times (as in a CSV), or where the words are not those of the transcript, all of it is one
    piece.
    """
    if row.transcript is None:
        return ()
    if row.salient_span is None or not row.words or " ".join(word.text for word in row.words) != row.transcript:
        return (Said(row.transcript),)
    marked = row.salient_words
    pieces = groupby(enumerate(row.words), key=lambda numbered: numbered[0] in marked)
    return tuple(Said(" ".join(word.text for _, word in words), salient) for salient, words in pieces)
