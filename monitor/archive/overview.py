"""The overview page of an archive: totals, days, rankings, and a line for each call, in one file that loads nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment

from monitor.archive.calls import NAME
from monitor.archive.folder import CALLS, SETTINGS, read_failures, report_name
from monitor.archive.settings import read_settings
from monitor.display.palette import clock
from monitor.length import length_s
from monitor.web import Inline, base_style, environment, json_block, render, text
from stser_core.emotions import LABELS
from stser_core.errors import DataError

_RANKED = 10
_MOST_DAYS = 45
_PACKAGE = "monitor.archive"
_FOLDER = "templates"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Period:
    """A day or a month.

    Attributes:
        name: As ISO 8601 writes it.
        calls: How many.
        scored_s: Talk time whose emotion was scored.
        shares: Each emotion's share of it, or `None` where there is none.
    """

    name: str
    calls: int
    scored_s: float
    shares: Mapping[str, float] | None


@dataclass(frozen=True)
class Ranked:
    """A place in a ranking: the call, who or what is meant, and the figure."""

    call: CallLine
    what: str
    value: float


@dataclass(frozen=True)
class Ranking:
    """The calls that stand out in one respect, the most striking first."""

    title: str
    unit: str
    places: tuple[Ranked, ...]


@dataclass(frozen=True)
class CallLine:
    """A call.

    Attributes:
        recording: Its name.
        date: Its day.
        duration_s: Its length, as far as it could be decoded.
        turns: How many.
        seconds: Talk time of each emotion.
        longest_silence_s: The longest time in which nobody spoke.
        interruptions: How many, or `None` where that cannot be told.
        timeline: Address of its timeline, seen from the page.
        report: Address of its report, or `None` where there is none.
    """

    recording: str
    date: date
    duration_s: float
    turns: int
    seconds: Mapping[str, float]
    longest_silence_s: float
    interruptions: int | None
    timeline: str
    report: str | None


@dataclass(frozen=True)
class Overview:
    """An archive's overview.

    Attributes:
        title: The archive's folder.
        settings: What it was made with.
        calls: All calls, in the order of their names.
        duration_s: Their length.
        whole: All of them as one period.
        periods: Days, or months where it is many days.
        undated: How many calls have their day from the file's time alone.
        rankings: Of those calls that stand out.
        failures: Recordings that could not be read, with the reason.
    """

    title: str
    settings: Mapping[str, object]
    calls: tuple[CallLine, ...]
    duration_s: float
    whole: Period
    periods: tuple[Period, ...]
    undated: int
    rankings: tuple[Ranking, ...]
    failures: tuple[tuple[str, str], ...]


def make_overview(root: Path, page_folder: Path) -> Overview:
    """Read an archive.

    Args:
        root: The archive's folder.
        page_folder: Where the page will be, so that its links lead to the timelines.

    Raises:
        DataError: It is not an archive, contains no call, or is damaged.
    """
    settings = read_settings(root / SETTINGS)
    rows = sorted(_rows(root), key=lambda row: str(row["recording"]))
    if not rows:
        raise DataError(f"The archive '{root}' holds no call yet; stser-monitor archive brings them.")
    way = os.path.relpath(root, page_folder)
    calls = tuple(_line(row, root, way) for row in rows)
    return Overview(
        title=root.resolve().name,
        settings=settings,
        calls=calls,
        duration_s=sum(call.duration_s for call in calls),
        whole=_period("", rows),
        periods=_periods(rows),
        undated=sum(row["date_from"] != NAME for row in rows),
        rankings=_rankings(rows, calls),
        failures=tuple(sorted(read_failures(root).items())),
    )


def _rows(root: Path) -> list[Row]:
    import pyarrow
    import pyarrow.parquet

    rows: list[Row] = []
    for path in sorted((root / CALLS).glob("*.parquet")):
        try:
            with path.open("rb") as file:
                rows += pyarrow.parquet.ParquetFile(file).read().to_pylist()
        except (OSError, pyarrow.ArrowException) as error:
            raise DataError(f"'{path}' cannot be read; delete it, and the same archive command restores it.") from error
    return rows


def _line(row: Row, root: Path, way: str) -> CallLine:
    report = report_name(row["recording"])
    return CallLine(
        recording=row["recording"],
        date=row["date"],
        duration_s=length_s(row["duration_s"], row["heard_s"]),
        turns=row["turns"],
        seconds={label: row[f"{label}_s"] for label in LABELS},
        longest_silence_s=row["longest_silence_s"],
        interruptions=row["interruptions"],
        timeline=_address(way, row["timeline"]),
        report=_address(way, report) if (root / report).is_file() else None,
    )


def _address(way: str, name: str) -> str:
    """A relative address; everything but `/` is escaped, so that no name is read as a scheme."""
    return quote(f"{Path(way).as_posix()}/{name}", safe="/")


def _periods(rows: Sequence[Row]) -> tuple[Period, ...]:
    days = {row["date"] for row in rows}
    name: Callable[[date], str] = date.isoformat
    if (max(days) - min(days)).days >= _MOST_DAYS:
        name = _month
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(name(row["date"]), []).append(row)
    return tuple(_period(each, grouped[each]) for each in sorted(grouped))


def _month(day: date) -> str:
    return day.isoformat()[:7]


def _period(name: str, rows: Iterable[Row]) -> Period:
    rows = list(rows)
    seconds = {label: sum(row[f"{label}_s"] for row in rows) for label in LABELS}
    scored_s = sum(seconds.values())
    shares = {label: seconds[label] / scored_s for label in LABELS} if scored_s > 0 else None
    return Period(name, len(rows), scored_s, shares)


def _rankings(rows: Sequence[Row], calls: Sequence[CallLine]) -> tuple[Ranking, ...]:
    angry = [
        Ranked(call, speaker["speaker"], speaker["angry_s"])
        for row, call in zip(rows, calls, strict=True)
        for speaker in row["speakers"]
        if speaker["angry_s"]
    ]
    silent = [Ranked(call, "", call.longest_silence_s) for call in calls if call.longest_silence_s > 0]
    interrupted = [Ranked(call, "", call.interruptions) for call in calls if call.interruptions]
    return (
        Ranking("Most angry speech", "s", _first(angry)),
        Ranking("Longest silence", "s", _first(silent)),
        Ranking("Most interruptions", "", _first(interrupted)),
    )


def _first(places: Iterable[Ranked]) -> tuple[Ranked, ...]:
    return tuple(sorted(places, key=lambda place: (-place.value, place.call.recording, place.what))[:_RANKED])


def render_overview(overview: Overview) -> bytes:
    """Make the page.

    Names and reasons are data: the template escapes them, and the script reads its data from JSON and only ever
    sets texts.

    Args:
        overview: The content.

    Returns:
        A whole HTML file in UTF-8.
    """
    return render(
        _environment().get_template("overview.html"),
        styles=(base_style(), Inline(text(_PACKAGE, f"{_FOLDER}/overview.css"))),
        scripts=(Inline(text(_PACKAGE, f"{_FOLDER}/overview.js")),),
        title=overview.title,
        overview=overview,
        data=json_block([_data(call) for call in overview.calls]),
    )


def _data(call: CallLine) -> dict[str, object]:
    return {
        "recording": call.recording,
        "date": call.date.isoformat(),
        "duration": round(call.duration_s),
        "turns": call.turns,
        **{label: round(call.seconds[label], 1) for label in LABELS},
        "silence": round(call.longest_silence_s, 1),
        "interruptions": call.interruptions,
        "timeline": call.timeline,
        "report": call.report,
    }


@cache
def _environment() -> Environment:
    return environment(_PACKAGE, _FOLDER, {"calls": _calls, "lasting": _lasting, "percent": _percent})


def _calls(number: int) -> str:
    return f"{number:,} call{'' if number == 1 else 's'}"


def _lasting(seconds: float) -> str:
    """A total: `1,234.5 h`, and below an hour `4:37 min`."""
    return f"{clock(seconds)} min" if seconds < 3600 else f"{seconds / 3600:,.1f} h"


def _percent(share: float) -> str:
    return f"{share:.0%}"
