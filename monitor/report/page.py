"""The page itself: the template with the content of a report, its style and its scripts, and what it may load."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment

from monitor.display.palette import LETTERS
from monitor.report.content import Report
from monitor.report.wording import FILTERS
from monitor.web import Inline, base_style, environment, text
from monitor.web import render as render_page
from monitor.web.embedding import base64_block, json_block
from stser_core.emotions import LABELS

_PACKAGE = "monitor.report"
_VENDOR = "vendor/uplot/"
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
    """What the scripts need: times, lanes and scores, but no words, for those stand in the page already."""
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
    return Inline(_licensed("uPlot.min.css")), base_style(), Inline(text(_PACKAGE, "page/report.css"))


@cache
def _scripts() -> tuple[Inline, ...]:
    return Inline(_licensed("uPlot.iife.min.js")), *(Inline(text(_PACKAGE, f"page/{name}")) for name in _SCRIPTS)


def _licensed(name: str) -> str:
    """A file of uPlot with its licence, which asks to be in every copy, as each report is."""
    return f"/*!\n{text(_PACKAGE, _VENDOR + 'LICENSE')}\n*/\n{text(_PACKAGE, _VENDOR + name)}"
