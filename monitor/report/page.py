"""The page of a report."""

import base64

from monitor.display.palette import LETTERS
from monitor.report.content import Report
from monitor.web.page import json_block
from monitor.web.page import render as render_page
from stser_core.emotions import LABELS


def render(report: Report) -> bytes:
    """Make the page: a whole HTML file in UTF-8.

    Everything that a report shows is data: the template escapes texts, and scripts read their data from JSON. Even
    so, the page forbids itself every load from elsewhere, and every script and style but its own.
    """
    return render_page(
        "monitor.report",
        "page/report.html",
        styles=("report.css",),
        scripts=("call.js", "sound.js", "lanes.js", "curves.js", "transcript.js", "keys.js", "start.js"),
        curves=True,
        permits=("media-src blob:",),
        title=report.title,
        report=report,
        call=report.call,
        data=json_block(_data(report)),
        # Its alphabet has nothing that HTML knows.
        sound=base64.b64encode(report.sound.content).decode() if report.sound is not None else None,
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
