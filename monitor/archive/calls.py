"""A call as one row of the table of all calls: its figures, its day, and its speakers as a nested list."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from monitor.analytics.call import analyse
from monitor.analytics.results import CallAnalytics, InterruptionsBy, LongestTurn, Span, SpeakerAnalytics
from monitor.archive.folder import timeline_name
from monitor.archive.scoring import Scored
from monitor.length import length_s
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


class _Facts(NamedTuple):
    """A call, its analytics, and each scored speaker's talk time of each emotion."""

    scored: Scored
    call: CallAnalytics
    seconds: Mapping[tuple[int, str], Mapping[str, float]]


class _SpeakerFacts(NamedTuple):
    """The same for one speaker."""

    speaker: SpeakerAnalytics
    seconds: Mapping[str, float] | None
    interruptions: InterruptionsBy | None


_Columns: TypeAlias = Sequence[tuple[str, str, Callable[[Any], object]]]
"""For each column its name, its Arrow type, and how its value follows from the facts."""

_SPEAKER: _Columns = (
    ("channel", "int64", lambda of: of.speaker.channel),
    ("speaker", "string", lambda of: of.speaker.speaker),
    ("turns", "int64", lambda of: of.speaker.turns),
    ("talk_s", "float64", lambda of: of.speaker.talk_s),
    ("talk_share", "float64", lambda of: of.speaker.talk_share),
    ("longest_turn_s", "float64", lambda of: _length_s(of.speaker.longest_turn)),
    ("words", "int64", lambda of: of.speaker.words),
    ("words_per_minute", "float64", lambda of: of.speaker.words_per_minute),
    ("loudness_dbfs", "float64", lambda of: of.speaker.loudness_dbfs),
    ("response_median_s", "float64", lambda of: _of(of.speaker.response_times, "median_s")),
    ("response_longest_s", "float64", lambda of: _of(of.speaker.response_times, "longest_s")),
    ("interruptions", "int64", lambda of: _of(of.interruptions, "count")),
    ("interruption_s", "float64", lambda of: _of(of.interruptions, "total_s")),
    ("scored_s", "float64", lambda of: _of(of.speaker.emotions, "scored_s") or 0.0),
    *((name, "float64", lambda of, name=name: (of.seconds or {}).get(name)) for name in _SECONDS),
    *(
        (name, "string", lambda of, name=name: _of(of.speaker.emotions, name))
        for name in ("main", "first", "last", "trend")
    ),
    ("change", "float64", lambda of: _of(of.speaker.emotions, "change")),
)

_CALL: _Columns = (
    ("recording", "string", lambda of: of.scored.recording),
    ("timeline", "string", lambda of: timeline_name(of.scored.recording)),
    ("date", "date32", lambda of: _day(of)[0]),
    ("date_from", "string", lambda of: _day(of)[1]),
    ("duration_s", "float64", lambda of: max(of.scored.finished.duration_s, of.call.duration_s)),
    ("heard_s", "float64", lambda of: of.scored.finished.heard_s),
    ("mixed", "bool", lambda of: of.call.mixed),
    ("turns", "int64", lambda of: len(of.scored.turns)),
    ("speech_s", "float64", lambda of: of.call.speech_s),
    ("overlap_s", "float64", lambda of: of.call.overlap_s),
    ("silence_s", "float64", lambda of: of.call.silence.total_s),
    ("silence_share", "float64", lambda of: of.call.silence.share),
    ("long_silence_s", "float64", lambda of: of.call.silence.long_s),
    ("long_silences", "int64", lambda of: len(of.call.silence.instances)),
    ("longest_silence_s", "float64", lambda of: _length_s(silence) if (silence := _longest_silence(of)) else 0.0),
    ("longest_silence_start_s", "float64", lambda of: _of(_longest_silence(of), "start_s")),
    ("interruptions", "int64", lambda of: _of(of.call.interruptions, "count")),
    ("interruption_s", "float64", lambda of: _of(of.call.interruptions, "total_s")),
    ("scored_s", "float64", lambda of: sum(sum(seconds.values()) for seconds in of.seconds.values())),
    *(
        (name, "float64", lambda of, name=name: sum(seconds[name] for seconds in of.seconds.values()))
        for name in _SECONDS
    ),
    ("angriest_minute_start_s", "float64", lambda of: _of(of.call.angriest_minute, "start_s")),
    ("angriest_minute_anger", "float64", lambda of: _of(of.call.angriest_minute, "anger")),
    ("angriest_minute_angry_s", "float64", lambda of: _of(of.call.angriest_minute, "angry_s")),
    ("speakers", "", lambda of: [_row(_SPEAKER, each) for each in _speakers(of)]),
    ("size", "int64", lambda of: of.scored.finished.size),
    ("modified_ns", "int64", lambda of: of.scored.finished.modified_ns),
)


def call_schema() -> pyarrow.Schema:
    """The columns of the table of all calls; docs/archives.md says what each holds."""
    import pyarrow

    def fields(columns: _Columns) -> list[pyarrow.Field]:
        speakers = pyarrow.list_(pyarrow.struct(fields(_SPEAKER))) if columns is _CALL else None
        types = ((name, pyarrow.type_for_alias(kind) if kind else speakers) for name, kind, _ in columns)
        return [pyarrow.field(name, kind) for name, kind in types]

    return pyarrow.schema(fields(_CALL))


def call_row(scored: Scored) -> dict[str, object]:
    """The figures of one call, by column."""
    finished, turns = scored.finished, scored.turns
    call = analyse(turns, length_s(finished.duration_s, finished.heard_s))
    counted: dict[tuple[int, str], dict[str, int]] = {}
    for turn in turns:
        if turn.emotion is not None:
            of = counted.setdefault((turn.channel, turn.speaker), dict.fromkeys(_SECONDS, 0))
            of[f"{turn.emotion}_s"] += turn.end_ms - turn.start_ms
    seconds = {speaker: {name: ms / 1000 for name, ms in of.items()} for speaker, of in counted.items()}
    return _row(_CALL, _Facts(scored, call, seconds))


def _row(columns: _Columns, facts: object) -> dict[str, object]:
    values = ((name, value_of(facts)) for name, _, value_of in columns)
    return {name: round(value, _DECIMALS) if isinstance(value, float) else value for name, value in values}


def _speakers(of: _Facts) -> list[_SpeakerFacts]:
    by = of.call.interruptions.by_interrupter if of.call.interruptions else ()
    interruptions = {(one.channel, one.speaker): one for one in by}
    speakers = ((one, (one.channel, one.speaker)) for one in of.call.speakers)
    return [_SpeakerFacts(one, of.seconds.get(key), interruptions.get(key)) for one, key in speakers]


def _day(of: _Facts) -> tuple[date, str]:
    return day_of(of.scored.recording, of.scored.finished.modified_ns)


def _longest_silence(of: _Facts) -> Span | None:
    return max(of.call.silence.instances, key=_length_s, default=None)


def _length_s(span: Span | LongestTurn) -> float:
    return span.end_s - span.start_s


def _of(facts: object, name: str) -> object:
    """A value of what may not be known."""
    return None if facts is None else getattr(facts, name)
