"""A call as one row of the table of all calls: its figures, its day, and its speakers as a nested list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from monitor.analytics import CallAnalytics, analyse
from monitor.analytics.results import Span, SpeakerAnalytics
from monitor.archive.folder import timeline_name
from monitor.archive.scoring import Finished
from monitor.length import length_s
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS

if TYPE_CHECKING:
    import pyarrow

NAME = "name"
MODIFIED = "modified"

_DECIMALS = 4
_SECONDS = tuple(f"{label}_s" for label in LABELS)


_YEAR, _MONTH, _DAY = r"(?P<year>(?:19|20)\d\d)", r"(?P<month>0[1-9]|1[0-2])", r"(?P<day>0[1-9]|[12]\d|3[01])"
_NAMES = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_NAMED = rf"(?P<month>{'|'.join(_NAMES)})[a-z]{{0,6}}"
_TIME = r"(?:[01]\d|2[0-3])(?P<colon>[-_.:h]?)[0-5]\d(?:(?P=colon)[0-5]\d)?"
# 2026-10-05, 20261005, 2026_10_05, 05-Oct-2026, Oct 5 2026. Not in a longer row of digits, which may be a telephone
# number, and no day before month in digits, which nobody can tell from month before day.
_DATES = (
    rf"(?<!\d){_YEAR}(?P<mark>[-_.]?){_MONTH}(?P=mark){_DAY}",
    rf"(?<!\d)(?P<day>0?[1-9]|[12]\d|3[01])[-_. ]?{_NAMED}[-_. ]?{_YEAR}",
    rf"(?<![a-z]){_NAMED}[-_. ](?P<day>0?[1-9]|[12]\d|3[01]),?[-_. ]{_YEAR}",
)
_WITH_TIME = tuple(re.compile(rf"{day}[-_T ]{{0,3}}{_TIME}(?!\d)", re.IGNORECASE) for day in _DATES)
_ALONE = tuple(re.compile(rf"{day}(?!\d)", re.IGNORECASE) for day in _DATES)
_FOLDERS = (re.compile(rf"(?:^|/){_YEAR}/{_MONTH}/{_DAY}(?:/|$)"),)


def day_of(name: str, modified_ns: int, today: date | None = None) -> tuple[date, str]:
    """The day of a recording: from its name, which recorders stamp, or else from when its file was last written.

    A date in the file's name counts before one in its folders (`2026/10/05/x.wav`), a date with a time behind it
    (`x_20261005T1430.wav`) before one without, and a later one before an earlier one in the name; none counts that is
    in the future. Without any, it is the day in UTC on which the file was last written.

    Args:
        name: The recording's name in the archive.
        modified_ns: When it was written, in nanoseconds since 1970.
        today: The last day that is not in the future; tomorrow in UTC, since it is tomorrow in some time zones.

    Returns:
        The day, and where it comes from: `name` or `modified`.
    """
    last = today or datetime.now(timezone.utc).date() + timedelta(days=1)
    file = name.rpartition("/")[2]
    for patterns, text in ((_WITH_TIME, file), (_ALONE, file), (_WITH_TIME, name), (_ALONE, name), (_FOLDERS, name)):
        matches = [match for pattern in patterns for match in pattern.finditer(text)]
        for match in sorted(matches, key=re.Match.start, reverse=True):
            month = match["month"]
            number = int(month) if month.isdecimal() else _NAMES.index(month.capitalize()) + 1
            try:
                day = date(int(match["year"]), number, int(match["day"]))
            except ValueError:
                continue  # such as 30 February
            if day <= last:
                return day, NAME
    return datetime.fromtimestamp(modified_ns // 10**9, tz=timezone.utc).date(), MODIFIED


def call_schema() -> pyarrow.Schema:
    """The columns of the table of all calls; docs/archives.md says what each holds."""
    import pyarrow as pa

    number, count, text = pa.float64(), pa.int64(), pa.string()
    return pa.schema(
        {
            "recording": text,
            "timeline": text,
            "date": pa.date32(),
            "date_from": text,
            "duration_s": number,
            "heard_s": number,
            "mixed": pa.bool_(),
            "turns": count,
            "speech_s": number,
            "overlap_s": number,
            "silence_s": number,
            "silence_share": number,
            "long_silence_s": number,
            "long_silences": count,
            "longest_silence_s": number,
            "longest_silence_start_s": number,
            "interruptions": count,
            "interruption_s": number,
            "scored_s": number,
            **dict.fromkeys(_SECONDS, number),
            "angriest_minute_start_s": number,
            "angriest_minute_anger": number,
            "angriest_minute_angry_s": number,
            "speakers": pa.list_(pa.struct(_speaker_fields())),
            "size": count,
            "modified_ns": count,
        }
    )


def _speaker_fields() -> list[pyarrow.Field]:
    import pyarrow as pa

    number, count, text = pa.float64(), pa.int64(), pa.string()
    types = {
        "channel": count,
        "speaker": text,
        "turns": count,
        "talk_s": number,
        "talk_share": number,
        "longest_turn_s": number,
        "words": count,
        "words_per_minute": number,
        "loudness_dbfs": number,
        "response_median_s": number,
        "response_longest_s": number,
        "interruptions": count,
        "interruption_s": number,
        "scored_s": number,
        **dict.fromkeys(_SECONDS, number),
        "main": text,
        "first": text,
        "last": text,
        "trend": text,
        "change": number,
    }
    return [pa.field(name, kind) for name, kind in types.items()]


def call_row(finished: Finished, rows: Sequence[Turn]) -> dict[str, object]:
    """The figures of one call, by column.

    Args:
        finished: Its done marker.
        rows: Its turns.
    """
    call = analyse(rows, length_s(finished.duration_s, finished.heard_s))
    day, day_from = day_of(finished.recording, finished.modified_ns)
    minute = call.angriest_minute
    seconds = _seconds(rows)
    silences = call.silence.instances
    longest = max(silences, key=_length_s, default=None)
    values: dict[str, object] = {
        "recording": finished.recording,
        "timeline": timeline_name(finished.recording),
        "date": day,
        "date_from": day_from,
        "duration_s": max(finished.duration_s, call.duration_s),
        "heard_s": finished.heard_s,
        "mixed": call.mixed,
        "turns": len(rows),
        "speech_s": call.speech_s,
        "overlap_s": call.overlap_s,
        "silence_s": call.silence.total_s,
        "silence_share": call.silence.share,
        "long_silence_s": call.silence.long_s,
        "long_silences": len(silences),
        "longest_silence_s": _length_s(longest) if longest else 0.0,
        "longest_silence_start_s": longest.start_s if longest else None,
        "interruptions": call.interruptions.count if call.interruptions else None,
        "interruption_s": call.interruptions.total_s if call.interruptions else None,
        "scored_s": sum(sum(of.values()) for of in seconds.values()),
        **{name: sum(of[name] for of in seconds.values()) for name in _SECONDS},
        "angriest_minute_start_s": minute.start_s if minute else None,
        "angriest_minute_anger": minute.anger if minute else None,
        "angriest_minute_angry_s": minute.angry_s if minute else None,
        "speakers": [
            _speaker(call, speaker, seconds.get((speaker.channel, speaker.speaker))) for speaker in call.speakers
        ],
        "size": finished.size,
        "modified_ns": finished.modified_ns,
    }
    return {name: _rounded(value) for name, value in values.items()}


def _length_s(span: Span) -> float:
    return span.end_s - span.start_s


def _seconds(rows: Sequence[Turn]) -> dict[tuple[int, str], dict[str, float]]:
    """Talk time of each emotion, for each speaker with a turn that was scored."""
    counted: dict[tuple[int, str], dict[str, int]] = {}
    for row in rows:
        if row.emotion is not None:
            of = counted.setdefault((row.channel, row.speaker), dict.fromkeys(_SECONDS, 0))
            of[f"{row.emotion}_s"] += row.end_ms - row.start_ms
    return {speaker: {name: ms / 1000 for name, ms in of.items()} for speaker, of in counted.items()}


def _speaker(call: CallAnalytics, speaker: SpeakerAnalytics, seconds: dict[str, float] | None) -> dict[str, object]:
    by = next(
        (
            one
            for one in (call.interruptions.by_interrupter if call.interruptions else ())
            if (one.channel, one.speaker) == (speaker.channel, speaker.speaker)
        ),
        None,
    )
    responses, emotions = speaker.response_times, speaker.emotions
    values: dict[str, object] = {
        "channel": speaker.channel,
        "speaker": speaker.speaker,
        "turns": speaker.turns,
        "talk_s": speaker.talk_s,
        "talk_share": speaker.talk_share,
        "longest_turn_s": speaker.longest_turn.end_s - speaker.longest_turn.start_s,
        "words": speaker.words,
        "words_per_minute": speaker.words_per_minute,
        "loudness_dbfs": speaker.loudness_dbfs,
        "response_median_s": responses.median_s if responses else None,
        "response_longest_s": responses.longest_s if responses else None,
        "interruptions": by.count if by else None,
        "interruption_s": by.total_s if by else None,
        "scored_s": emotions.scored_s if emotions else 0.0,
        **(seconds or dict.fromkeys(_SECONDS)),
        "main": emotions.main if emotions else None,
        "first": emotions.first if emotions else None,
        "last": emotions.last if emotions else None,
        "trend": emotions.trend if emotions else None,
        "change": emotions.change if emotions else None,
    }
    return {name: _rounded(value) for name, value in values.items()}


def _rounded(value: object) -> object:
    return round(value, _DECIMALS) if isinstance(value, float) else value
