"""The page that shows all lines: one file, which talks to its own server and to nobody else."""

from __future__ import annotations

from functools import cache

from monitor.display.palette import LETTERS
from monitor.web import Inline, call_scripts, call_styles, environment, json_block, render, text
from stser_core.emotions import LABELS

_PACKAGE = "monitor.serve"
_SCRIPTS = ("lines.js", "lanes.js", "alerts.js", "call.js", "microphone.js", "stream.js", "start.js")
"""In the order in which the page runs them."""


@cache
def page() -> bytes:
    """Make the page.

    Besides its own scripts and styles it permits itself requests to its own server, and a blob as a script: that of the
    microphone, which runs in a thread of its own. What the server tells is put into it as text only.

    Returns:
        A whole HTML file in UTF-8.
    """
    scripts = (*call_scripts(), *(Inline(text(_PACKAGE, f"page/{name}")) for name in _SCRIPTS))
    return render(
        environment(_PACKAGE, "page", {}).get_template("live.html"),
        styles=(*call_styles(), Inline(text(_PACKAGE, "page/live.css"))),
        scripts=scripts,
        script_sources=("blob:",),
        permits=("connect-src 'self'",),
        title="Live lines",
        settings=json_block({"labels": LABELS, "letters": [LETTERS[label] for label in LABELS]}),
        worklet=Inline(text(_PACKAGE, "page/worklet.js")).markup,
    )
