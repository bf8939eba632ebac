"""The two tables of an archive, all turns and all calls: folders of Parquet files that a glob reads.

Shard `n` of the calls and shard `n` of the turns hold the same recordings. Turns are written before their calls, and
taken away after them; so a process that is killed in between leaves turns too many at most, which the next one finds
and drops. What the shards lack beside the timelines, or hold of a recording that has been done again since, is put
right from the timelines; so are shards that an older program wrote with other columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.analytics.call import analyse
from monitor.analytics.results import InterruptionsBy, LongestTurn, Span, SpeakerAnalytics
from monitor.archive.folder import CALLS, TURNS, ArchiveFolder, timeline_name
from monitor.archive.scoring import Finished, Scored
from monitor.exporters.parquet import table
from monitor.sources.recording import length_s
from monitor.timeline.file import read_timeline
from monitor.timeline.turn import SALIENT_COLUMNS, Turn
from stser_core.emotions import LABELS
from stser_core.errors import DataError
from stser_core.files import written

if TYPE_CHECKING:
    import pyarrow

CALLS_A_SHARD = 500


class Tables:
    """Both tables of an archive."""

    def __init__(self, folder: ArchiveFolder, *, explain: bool) -> None:
        """Read the shards (a `DataError` where one is damaged), and repair what a killed process has left."""
        self._folder = folder
        self.explain = explain
        self._held: dict[str, tuple[int, tuple[int, int]]] = {}
        for number in self._numbers(CALLS) | self._numbers(TURNS):
            self._take_up(number)

    def complete(self) -> dict[str, str]:
        """Bring the tables up to date: add what they lack, drop what was removed or done again.

        Returns:
            The recordings whose timelines are damaged, which the tables go on to lack, and the reasons.
        """
        finished = {one.recording: one for one in self._folder.finished()}
        current = {name: (one.size, one.modified_ns) for name, one in finished.items()}
        self._drop([name for name, (_, stamp) in self._held.items() if current.get(name) != stamp])
        lacking = [finished[name] for name in sorted(finished.keys() - self._held.keys())]
        damaged: dict[str, str] = {}
        for start in range(0, len(lacking), CALLS_A_SHARD):
            calls = []
            for one in lacking[start : start + CALLS_A_SHARD]:
                try:
                    calls.append(Scored(one, read_timeline(self._folder.timeline(one.recording)).turns))
                except DataError as error:
                    damaged[one.recording] = str(error)
            self.add(calls)
        return damaged

    def add(self, calls: Sequence[Scored]) -> None:
        """Add calls, in the place of those of the same recordings."""
        self._drop([call.recording for call in calls if call.recording in self._held])
        waiting = sorted(calls, key=lambda call: call.recording)
        number = max(self._numbers(CALLS), default=1)
        room = CALLS_A_SHARD - sum(held == number for held, _ in self._held.values())
        while waiting:
            if room <= 0:
                number, room = number + 1, CALLS_A_SHARD
            self._append(number, waiting[:room])
            waiting, room = waiting[room:], 0

    def _append(self, number: int, calls: Sequence[Scored]) -> None:
        import pyarrow

        turns = [turn for call in calls for turn in call.turns]
        columns = table([replace(turn, extra={}) for turn in turns])
        for name in SALIENT_COLUMNS if self.explain else ():
            values = pyarrow.array([turn.extra.get(name) for turn in turns], pyarrow.float64())
            columns = columns.append_column(name, values)
        rows = pyarrow.Table.from_pylist([call_row(call) for call in calls], call_schema())
        if self._path(CALLS, number).exists():
            columns = pyarrow.concat_tables([load(self._path(TURNS, number)), columns])
            rows = pyarrow.concat_tables([load(self._path(CALLS, number)), rows])
        self._save(TURNS, number, columns)
        self._save(CALLS, number, rows)
        for call in calls:
            self._held[call.recording] = number, (call.finished.size, call.finished.modified_ns)

    def _drop(self, names: Iterable[str]) -> None:
        import pyarrow
        from pyarrow import compute

        gone: dict[int, list[str]] = {}
        for name in names:
            gone.setdefault(self._held.pop(name)[0], []).append(name)
        for number, recordings in gone.items():
            dropped = pyarrow.array(recordings)
            for kind in (CALLS, TURNS):
                held = load(self._path(kind, number))
                self._save(kind, number, held.filter(compute.invert(compute.is_in(held["recording"], dropped))))

    def _take_up(self, number: int) -> None:
        from pyarrow import compute

        paths = [self._path(kind, number) for kind in (CALLS, TURNS)]
        whole = all(path.exists() for path in paths)
        if not whole or (calls := load(paths[0])).column_names != call_schema().names:
            for path in paths:  # `complete` makes its rows again
                path.unlink(missing_ok=True)
            return
        turns = load(paths[1])
        belongs = compute.is_in(turns["recording"], calls["recording"].combine_chunks())
        if not compute.all(belongs, min_count=0).as_py():
            self._save(TURNS, number, turns.filter(belongs))
        for row in calls.select(("recording", "size", "modified_ns")).to_pylist():
            self._held[row["recording"]] = number, (row["size"], row["modified_ns"])

    def _numbers(self, kind: str) -> set[int]:
        names = [path.stem for path in (self._folder.root / kind).glob("*.parquet")]
        return {int(name) for name in names if name.isdecimal()}

    def _path(self, kind: str, number: int) -> Path:
        return self._folder.root / kind / f"{number:06d}.parquet"

    def _save(self, kind: str, number: int, content: pyarrow.Table) -> None:
        import pyarrow.parquet

        with written(self._path(kind, number), self._folder.temporary) as file:
            pyarrow.parquet.write_table(content, file)


def load(path: Path) -> pyarrow.Table:
    """Read a shard; raises a `DataError` where it is damaged."""
    import pyarrow
    import pyarrow.parquet

    try:
        # Not by its path: in a folder called `x=1`, pyarrow would find a column.
        with path.open("rb") as file:
            return pyarrow.parquet.ParquetFile(file).read()
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"'{path}' cannot be read; delete it, and the same archive command restores it.") from error


NAME = "name"
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
_WITH_TIME = tuple(re.compile(rf"{day}(?=[-_T ]{{0,3}}{_TIME}(?!\d))", re.IGNORECASE) for day in _DATES)
_ALONE = tuple(re.compile(rf"{day}(?!\d)", re.IGNORECASE) for day in _DATES)
_IN_FOLDERS = (*_ALONE, re.compile(rf"(?:^|/){_YEAR}/{_MONTH}/{_DAY}(?:/|$)"))


def day_of(name: str, modified_ns: int, today: date | None = None) -> tuple[date, str]:
    """The day of a recording: from its name, which recorders stamp, or else from when its file was last written.

    A date in the file's name counts before one in its folders (`2026/10/05/x.wav`), a date with a time behind it
    (`x_20261005T1430.wav`) before one without, and a later one before an earlier one in the name; none counts after
    `today`, which is tomorrow in UTC by default, since it is tomorrow in some time zones. Without any, it is the day in
    UTC on which the file was last written.

    Returns:
        The day, and where it comes from: `name` or `modified`.
    """
    last = today or datetime.now(timezone.utc).date() + timedelta(days=1)
    file = name.rpartition("/")[2]
    for patterns, text in ((_WITH_TIME, file), (_ALONE, file), (_WITH_TIME, name), (_IN_FOLDERS, name)):
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
    return datetime.fromtimestamp(modified_ns // 10**9, tz=timezone.utc).date(), "modified"


_TYPES = {
    **dict.fromkeys(("recording", "timeline", "date_from", "speaker", "main", "first", "last", "trend"), "string"),
    **dict.fromkeys(("channel", "turns", "words", "interruptions", "long_silences", "size", "modified_ns"), "int64"),
    "date": "date32",
    "mixed": "bool",
}
"""The Arrow types of the columns that hold no floating-point number."""


@cache
def call_schema() -> pyarrow.Schema:
    """The columns of the table of all calls; docs/archives.md says what each holds."""
    import pyarrow

    def column(name: str, value: object) -> tuple[str, pyarrow.DataType]:
        if isinstance(value, list):
            return name, pyarrow.list_(pyarrow.struct([column(*inner) for inner in value[0].items()]))
        return name, pyarrow.type_for_alias(_TYPES.get(name, "float64"))

    anything = Scored(Finished("call.wav", 0, 0, 1.0, 1.0), (Turn("call.wav", 1, "speaker1", 1, 0.0, 1.0),))
    return pyarrow.schema([column(*each) for each in call_row(anything).items()])


def call_row(scored: Scored) -> dict[str, object]:
    """The metrics of one call, by column."""
    finished, turns = scored.finished, scored.turns
    call = analyse(turns, length_s(finished.duration_s, finished.heard_s))
    day, day_from = day_of(scored.recording, finished.modified_ns)
    seconds = _seconds(turns)
    silence, interruptions, minute = call.silence, call.interruptions, call.angriest_minute
    longest = max(silence.instances, key=_length_s, default=None)
    by = {(one.channel, one.speaker): one for one in interruptions.by_interrupter} if interruptions else {}
    speakers = ((one, (one.channel, one.speaker)) for one in call.speakers)
    return _rounded(
        {
            "recording": scored.recording,
            "timeline": timeline_name(scored.recording),
            "date": day,
            "date_from": day_from,
            "duration_s": max(finished.duration_s, call.duration_s),
            "heard_s": finished.heard_s,
            "mixed": call.mixed,
            "turns": sum(one.turns for one in call.speakers),
            "speech_s": call.speech_s,
            "overlap_s": call.overlap_s,
            "silence_s": silence.total_s,
            "silence_share": silence.share,
            "long_silence_s": silence.long_s,
            "long_silences": len(silence.instances),
            "longest_silence_s": _length_s(longest) if longest else 0.0,
            "longest_silence_start_s": longest and longest.start_s,
            "interruptions": interruptions and interruptions.count,
            "interruption_s": interruptions and interruptions.total_s,
            "scored_s": sum(sum(each.values()) for each in seconds.values()),
            **{name: sum(each[name] for each in seconds.values()) for name in _SECONDS},
            "angriest_minute_start_s": minute and minute.start_s,
            "angriest_minute_anger": minute and minute.anger,
            "angriest_minute_angry_s": minute and minute.angry_s,
            "speakers": [_speaker_row(one, seconds.get(key), by.get(key)) for one, key in speakers],
            "size": finished.size,
            "modified_ns": finished.modified_ns,
        }
    )


def _speaker_row(
    one: SpeakerAnalytics, seconds: Mapping[str, float] | None, interruptions: InterruptionsBy | None
) -> dict[str, object]:
    responses, emotions = one.response_times, one.emotions
    return _rounded(
        {
            "channel": one.channel,
            "speaker": one.speaker,
            "turns": one.turns,
            "talk_s": one.talk_s,
            "talk_share": one.talk_share,
            "longest_turn_s": _length_s(one.longest_turn),
            "words": one.words,
            "words_per_minute": one.words_per_minute,
            "loudness_dbfs": one.loudness_dbfs,
            "response_median_s": responses and responses.median_s,
            "response_longest_s": responses and responses.longest_s,
            "interruptions": interruptions and interruptions.count,
            "interruption_s": interruptions and interruptions.total_s,
            "scored_s": emotions.scored_s if emotions else 0.0,
            **{name: seconds and seconds[name] for name in _SECONDS},
            **{name: emotions and getattr(emotions, name) for name in ("main", "first", "last", "trend", "change")},
        }
    )


def _seconds(turns: Sequence[Turn]) -> dict[tuple[int, str], dict[str, float]]:
    """Each scored speaker's talk time of each emotion."""
    counted: dict[tuple[int, str], dict[str, int]] = {}
    for turn in turns:
        if turn.emotion is not None:
            of = counted.setdefault((turn.channel, turn.speaker), dict.fromkeys(_SECONDS, 0))
            of[f"{turn.emotion}_s"] += turn.length_ms
    return {speaker: {name: ms / 1000 for name, ms in of.items()} for speaker, of in counted.items()}


def _rounded(row: Mapping[str, object]) -> dict[str, object]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}


def _length_s(span: Span | LongestTurn) -> float:
    return span.end_s - span.start_s
