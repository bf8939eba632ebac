"""The overview page itself: one file, which loads nothing and runs no script but its own."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment

from monitor.archive.overview import CallLine, Overview
from monitor.display.palette import clock
from monitor.web import Inline, base_style, environment, json_block, render, text
from stser_core.emotions import LABELS

_PACKAGE = "monitor.archive"
_FOLDER = "templates"


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
