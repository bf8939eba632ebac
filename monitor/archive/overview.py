"""The overview page of an archive: totals, days, rankings, and a line for each call, in one file that loads nothing."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote

from monitor.archive.calls import NAME
from monitor.archive.folder import CALLS, SETTINGS, read_failures, report_name
from monitor.archive.settings import read_settings
from monitor.archive.tables import load
from monitor.length import length_s
from monitor.web.page import json_block, render
from stser_core.emotions import LABELS
from stser_core.errors import DataError

_RANKED = 10
_MOST_DAYS = 45

Row: TypeAlias = Mapping[str, Any]


class Period(NamedTuple):
    """A day or a month: its name in ISO 8601, its calls, the talk time that was scored, each emotion's part of it."""

    name: str
    calls: int
    scored_s: float
    shares: Mapping[str, float] | None


class Ranked(NamedTuple):
    """A place in a ranking: the call, who or what is meant, and the value."""

    call: Row
    what: str
    value: float


class Ranking(NamedTuple):
    """The calls that stand out in one respect, the most striking first."""

    title: str
    unit: str
    places: Sequence[Ranked]


class Overview(NamedTuple):
    """An archive's overview: all calls, as the page's script reads them, and as one period, by days and in rankings."""

    title: str
    settings: Mapping[str, object]
    calls: Sequence[Row]
    duration_s: float
    whole: Period
    periods: Sequence[Period]
    undated: int
    rankings: Sequence[Ranking]
    failures: Sequence[tuple[str, str]]


def make_overview(root: Path, page_folder: Path) -> Overview:
    """Read an archive.

    Raises:
        DataError: It is not an archive, contains no call, or is damaged.
    """
    settings = read_settings(root / SETTINGS)
    rows: list[Row] = [row for path in (root / CALLS).glob("*.parquet") for row in load(path).to_pylist()]
    rows.sort(key=lambda row: str(row["recording"]))
    if not rows:
        raise DataError(f"The archive '{root}' holds no call yet; stser-monitor archive adds them.")
    way = os.path.relpath(root, page_folder)
    calls = [_line(row, root, way) for row in rows]
    return Overview(
        title=root.resolve().name,
        settings=settings,
        calls=calls,
        duration_s=sum(map(_length_s, rows)),
        whole=_period("", rows),
        periods=_periods(rows),
        undated=sum(row["date_from"] != NAME for row in rows),
        rankings=_rankings(rows, calls),
        failures=sorted((read_failures(root) or {}).items()),
    )


def _line(row: Row, root: Path, way: str) -> Row:
    report = report_name(row["recording"])
    return {
        "recording": row["recording"],
        "date": row["date"].isoformat(),
        "duration": round(_length_s(row)),
        "turns": row["turns"],
        **{label: round(row[f"{label}_s"], 1) for label in LABELS},
        "silence": round(row["longest_silence_s"], 1),
        "interruptions": row["interruptions"],
        "timeline": _address(way, row["timeline"]),
        "report": _address(way, report) if (root / report).is_file() else None,
    }


def _length_s(row: Row) -> float:
    return length_s(row["duration_s"], row["heard_s"])


def _address(way: str, name: str) -> str:
    """A relative address; everything but `/` is escaped, so that no name is read as a scheme."""
    return quote(f"{Path(way).as_posix()}/{name}", safe="/")


def _periods(rows: Sequence[Row]) -> list[Period]:
    """The days, or months where it is many days."""
    days = {row["date"] for row in rows}
    letters = len("2026-10") if (max(days) - min(days)).days >= _MOST_DAYS else None
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["date"].isoformat()[:letters], []).append(row)
    return [_period(each, grouped[each]) for each in sorted(grouped)]


def _period(name: str, rows: Sequence[Row]) -> Period:
    seconds = {label: sum(row[f"{label}_s"] for row in rows) for label in LABELS}
    scored_s = sum(seconds.values())
    shares = {label: seconds[label] / scored_s for label in LABELS} if scored_s > 0 else None
    return Period(name, len(rows), scored_s, shares)


def _rankings(rows: Sequence[Row], calls: Sequence[Row]) -> list[Ranking]:
    both = list(zip(rows, calls, strict=True))
    angry = [Ranked(call, each["speaker"], each["angry_s"] or 0) for row, call in both for each in row["speakers"]]
    silent = [Ranked(call, "", row["longest_silence_s"]) for row, call in both]
    interrupted = [Ranked(call, "", row["interruptions"] or 0) for row, call in both]
    return [
        Ranking("Most angry speech", "s", _first(angry)),
        Ranking("Longest silence", "s", _first(silent)),
        Ranking("Most interruptions", "", _first(interrupted)),
    ]


def _first(places: Iterable[Ranked]) -> list[Ranked]:
    ranked = sorted(places, key=lambda place: (-place.value, place.call["recording"], place.what))
    return [place for place in ranked[:_RANKED] if place.value > 0]


def render_overview(overview: Overview) -> bytes:
    """Make the page.

    Names and reasons are data: the template escapes them, and the script reads its data from JSON and only ever
    sets texts.
    """
    return render(
        "monitor.archive",
        "templates/overview.html",
        styles=("overview.css",),
        scripts=("overview.js",),
        title=overview.title,
        overview=overview,
        data=json_block(overview.calls),
    )
