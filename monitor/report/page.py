"""The page of a report: its template, style and scripts, how it writes numbers and times, and what it may load."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized
from functools import cache
from types import MappingProxyType

from jinja2 import Environment

from monitor.display.palette import LETTERS, clock
from monitor.report.content import Report
from monitor.web import Inline, base64_block, call_scripts, call_styles, environment, json_block, text
from monitor.web import render as render_page
from stser_core.emotions import LABELS

_PACKAGE = "monitor.report"
_SCRIPTS = ("call.js", "sound.js", "lanes.js", "curves.js", "transcript.js", "keys.js", "start.js")
"""In the order in which the page runs them."""


def render(report: Report) -> bytes:
    """Make the page.

    Everything that a report shows is data: the template escapes texts, and scripts read their data from JSON. Even
    so, the page forbids itself every load from elsewhere, and every script and style but its own.

    Args:
        report: The content.

    Returns:
        A whole HTML file in UTF-8.
    """
    return render_page(
        _environment().get_template("report.html"),
        styles=_styles(),
        scripts=_scripts(),
        permits=("media-src blob:",),
        title=report.title,
        report=report,
        call=report.call,
        data=json_block(_data(report)),
        sound=base64_block(report.sound.content) if report.sound is not None else None,
    )


def _data(report: Report) -> dict[str, object]:
    """Data of the scripts: times, speakers and scores, but no words, which are in the page already."""
    return {
        "duration": report.length_s,
        "labels": list(LABELS),
        "letters": [LETTERS[label] for label in LABELS],
        "speakers": [each.speaker for each in report.call.speakers],
        "turns": [
            {
                "start": turn.row.start_s,
                "end": turn.row.end_s,
                "lane": turn.lane,
                "emotion": turn.row.emotion,
                "confidence": turn.row.confidence,
                "p": turn.row.probabilities,
                "alert": bool(turn.alerts),
            }
            for turn in report.turns
        ],
        "marks": [{"time": mark.time_s, "number": mark.number} for mark in report.marks],
    }


@cache
def _environment() -> Environment:
    return environment(_PACKAGE, "page", FILTERS)


@cache
def _styles() -> tuple[Inline, ...]:
    return *call_styles(), Inline(text(_PACKAGE, "page/report.css"))


@cache
def _scripts() -> tuple[Inline, ...]:
    return *call_scripts(), *(Inline(text(_PACKAGE, f"page/{name}")) for name in _SCRIPTS)


_UNKNOWN = "–"
_MINUTE_S = 60.0
_HOUR_S = 3600.0


def lasting(seconds: float | None) -> str:
    """A length: `4.2 s` below a minute, then `4:37 min`, from an hour on `1:04:37 h`."""
    if seconds is None:
        return _UNKNOWN
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s"
    return f"{clock(seconds)} {'min' if seconds < _HOUR_S else 'h'}"


def percent(share: float | None) -> str:
    """A proportion in 0…1 as a whole percentage."""
    return _UNKNOWN if share is None else f"{share:.0%}"


def whole(number: float | None) -> str:
    """A number without decimals."""
    return _UNKNOWN if number is None else f"{number:,.0f}"


def decibels(level: float | None) -> str:
    """A level in decibels below full scale, with a real minus sign."""
    return _UNKNOWN if level is None else f"{level:.0f} dB".replace("-", "−")


def change(difference: float | None) -> str:
    """A difference of probabilities, with its sign."""
    return _UNKNOWN if difference is None else f"{difference:+.2f}".replace("-", "−")


def counted(things: Sized, noun: str) -> str:
    """A number with its noun: `1 turn`, `2 turns`."""
    return f"{len(things):,} {noun}{'' if len(things) == 1 else 's'}"


def exact(seconds: float) -> str:
    """A time that a script reads."""
    return f"{seconds:.3f}"


FILTERS: Mapping[str, Callable[..., str]] = MappingProxyType(
    {
        "change": change,
        "clock": clock,
        "counted": counted,
        "decibels": decibels,
        "exact": exact,
        "lasting": lasting,
        "letter": lambda emotion: LETTERS[emotion],
        "percent": percent,
        "whole": whole,
    }
)
"""The template's filters by name."""
