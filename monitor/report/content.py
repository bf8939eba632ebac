"""Content of a report, made from a timeline: turns in their order with their words, marks, alerts and metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from monitor.analytics.call import analyse
from monitor.analytics.results import CallAnalytics
from monitor.timeline.notes import Alert, Mark, Note
from monitor.timeline.turn import Turn
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


@dataclass(frozen=True)
class Report:
    """A report's content, in the order of the times; the metrics name the speakers in the order of the lanes."""

    title: str  # the recording's name, or that of the timeline's file where nobody speaks
    checkpoints: tuple[str, ...]
    turns: tuple[ShownTurn, ...]
    marks: tuple[Mark, ...]
    call: CallAnalytics
    sound: Sound | None = None  # the recording that the page plays, or `None`
    transcripts: bool = True  # whether words may be shown: where not, the page need not speak of missing ones

    @property
    def length_s(self) -> float:
        """Seconds that the page shows: a live session may go on after its last turn, as far as its marks tell."""
        return max([self.call.duration_s, *(mark.time_s for mark in self.marks)])

    @property
    def entries(self) -> tuple[ShownTurn | Mark, ...]:
        """Turns and marks together, in the order of their times."""
        both: tuple[ShownTurn | Mark, ...] = (*self.turns, *self.marks)
        return tuple(sorted(both, key=lambda one: one.time_s if isinstance(one, Mark) else one.row.start_s))

    @property
    def salient(self) -> bool:
        """Whether any word is salient."""
        return any(piece.salient for turn in self.turns for piece in turn.said)

    @property
    def scored(self) -> bool:
        """Whether any turn has an emotion."""
        return any(turn.row.emotion is not None for turn in self.turns)


def make_report(
    rows: Sequence[Turn], notes: Sequence[Note], title: str, *, sound: Sound | None = None, transcripts: bool = True
) -> Report:
    """Make a report's content of a timeline.

    Raises:
        DataError: The rows are of more than one recording.
        AudioError: The recording is shorter than the timeline.
    """
    duration_s = None if sound is None else sound.duration_s
    call = analyse(rows, duration_s)
    end_s = max((row.end_s for row in rows), default=0.0)
    if duration_s is not None and end_s > duration_s + _CUT_OFF_S:
        raise AudioError(
            f"The recording is {duration_s:.1f} s long, but the timeline's last turn ends at {end_s:.1f} s; "
            "give the recording that the timeline was made from."
        )
    return Report(
        title=call.recording or title,
        checkpoints=tuple(sorted({row.checkpoint for row in rows if row.checkpoint})),
        turns=_shown(rows, call, [note for note in notes if isinstance(note, Alert)]),
        marks=tuple(note for note in notes if isinstance(note, Mark)),
        call=call,
        sound=sound,
        transcripts=transcripts,
    )


def _shown(rows: Sequence[Turn], call: CallAnalytics, alerts: Sequence[Alert]) -> tuple[ShownTurn, ...]:
    lanes = {(each.channel, each.speaker): lane for lane, each in enumerate(call.speakers)}
    rules: dict[int, list[str]] = {}
    for alert in alerts:
        rules.setdefault(alert.turn, []).append(alert.rule)
    ordered = sorted(rows, key=lambda row: row.place)
    return tuple(
        ShownTurn(place, row, lanes[row.channel, row.speaker], said(row), tuple(rules.get(row.turn, ())))
        for place, row in enumerate(ordered)
    )


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
