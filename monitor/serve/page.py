"""The page that shows all lines: one file, which talks to its own server and to nobody else."""

from __future__ import annotations

from functools import cache

from markupsafe import Markup

from monitor.display.palette import LETTERS
from monitor.web.page import json_block, render, text
from stser_core.emotions import LABELS


@cache
def page() -> bytes:
    """Make the page.

    Besides its own scripts and styles it permits itself requests to its own server, and a blob as a script: that of the
    microphone, which runs in a thread of its own. What the server tells is put into it as text only.

    Returns:
        A whole HTML file in UTF-8.
    """
    return render(
        "monitor.serve",
        "page/live.html",
        styles=("live.css",),
        scripts=("lines.js", "lanes.js", "alerts.js", "call.js", "microphone.js", "stream.js", "start.js"),
        curves=True,
        script_sources=("blob:",),
        permits=("connect-src 'self'",),
        title="Live lines",
        settings=json_block({"labels": LABELS, "letters": [LETTERS[label] for label in LABELS]}),
        worklet=Markup(text("monitor.serve", "page/worklet.js")),
    )
