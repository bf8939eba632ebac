"""The overview page of an archive: totals, days, rankings, and a line for each call, in one file that loads nothing."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from monitor.archive.folder import CALLS, read_failures, read_settings
from monitor.archive.tables import NAME, load
from monitor.sources.recording import length_s
from monitor.web.page import json_block, render
from stser_core.emotions import LABELS
from stser_core.errors import DataError

_RANKED = 10
_MOST_DAYS = 45

Row: TypeAlias = Mapping[str, Any]


def make_overview(root: Path, page_folder: Path) -> dict[str, Any]:
    """Read an archive: all calls, as the page's script reads them, and as one period, by days and in rankings.

    Raises:
        DataError: It is not an archive, contains no call, or is damaged.
    """
    settings = read_settings(root)
    rows: list[Row] = [row for path in (root / CALLS).glob("*.parquet") for row in load(path).to_pylist()]
    rows.sort(key=lambda row: str(row["recording"]))
    if not rows:
        raise DataError(f"The archive '{root}' holds no call yet; stser-monitor archive adds them.")
    way = os.path.relpath(root, page_folder)
    calls = [_line(row, root, way) for row in rows]
    days = [row["date"] for row in rows]
    letters = len("2026-10") if (max(days) - min(days)).days >= _MOST_DAYS else None  # months where it is many days
    periods: dict[str, list[Row]] = {}
    for day, row in zip(days, rows, strict=True):
        periods.setdefault(day.isoformat()[:letters], []).append(row)
    return {
        "title": root.resolve().name,
        "settings": settings,
        "calls": calls,
        "duration_s": sum(map(_length_s, rows)),
        "whole": _period("", rows),
        "periods": [_period(name, periods[name]) for name in sorted(periods)],
        "undated": sum(row["date_from"] != NAME for row in rows),
        "rankings": _rankings(rows, calls),
        "failures": sorted((read_failures(root) or {}).items()),
    }


def _line(row: Row, root: Path, way: str) -> Row:
    report = f"{row['timeline'].removesuffix('.csv')}.html"
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


def _period(name: str, rows: Sequence[Row]) -> Row:
    """A day or a month, named as in ISO 8601: its scored talk time, and each emotion's part of it."""
    seconds = {label: sum(row[f"{label}_s"] for row in rows) for label in LABELS}
    scored_s = sum(seconds.values())
    shares = {label: seconds[label] / scored_s for label in LABELS} if scored_s > 0 else None
    return {"name": name, "calls": len(rows), "scored_s": scored_s, "shares": shares}


def _rankings(rows: Sequence[Row], calls: Sequence[Row]) -> list[Row]:
    """The calls that stand out, the most striking first: each place has the call, who is meant, and the value."""
    both = list(zip(rows, calls, strict=True))
    angry = [(call, each["speaker"], each["angry_s"] or 0) for row, call in both for each in row["speakers"]]
    silent = [(call, "", row["longest_silence_s"]) for row, call in both]
    interrupted = [(call, "", row["interruptions"] or 0) for row, call in both]
    return [
        {"title": "Most angry speech", "unit": "s", "places": _first(angry)},
        {"title": "Longest silence", "unit": "s", "places": _first(silent)},
        {"title": "Most interruptions", "unit": "", "places": _first(interrupted)},
    ]


def _first(places: Iterable[tuple[Row, str, float]]) -> list[Row]:
    ranked = sorted(places, key=lambda place: (-place[2], place[0]["recording"], place[1]))
    return [{"call": call, "what": what, "value": value} for call, what, value in ranked[:_RANKED] if value > 0]


def render_overview(overview: Row) -> bytes:
    """Make the page.

    Names and reasons are data: the template escapes them, and the script reads its data from JSON and only ever
    sets texts.
    """
    return render(
        "monitor.archive",
        "templates/overview.html",
        styles=("overview.css",),
        scripts=("overview.js",),
        title=overview["title"],
        overview=overview,
        data=json_block(overview["calls"]),
    )
