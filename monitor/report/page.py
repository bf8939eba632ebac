"""The page itself: the template with the content of a report, its style and its scripts, and what it may load."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from rich.style import Style

from monitor.display.palette import LETTERS, Palette
from monitor.report.content import Report
from monitor.report.embedding import base64_block, json_block, source_hash
from monitor.report.wording import FILTERS
from stser_core.emotions import LABELS

_SCRIPTS = ("call.js", "sound.js", "lanes.js", "curves.js", "transcript.js", "keys.js", "start.js")
"""In the order in which the page runs them."""


@dataclass(frozen=True)
class _Inline:
    """The text of an inline script or style; it is hashed as it stands, so it must not be escaped."""

    source: str

    @property
    def markup(self) -> Markup:
        return Markup(self.source)

    @property
    def hash(self) -> str:
        return source_hash(self.source)


def render(report: Report) -> bytes:
    """Make the page.

    Everything that a report shows is data: the template escapes texts, and scripts read their data from JSON. Even
    so, the page forbids itself every load from elsewhere, and every script and style but its own.

    Args:
        report: The content.

    Returns:
        A whole HTML file in UTF-8.
    """
    styles, scripts = _styles(), _scripts()
    text = (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            call=report.call,
            policy=_policy(styles, scripts),
            styles=styles,
            scripts=scripts,
            data=json_block(_data(report)),
            sound=base64_block(report.sound.content) if report.sound is not None and report.sound.content else None,
        )
    )
    # A file name that is no UTF-8 stands in JSON as a lone surrogate.
    return text.encode("utf-8", errors="backslashreplace")


def _policy(styles: tuple[_Inline, ...], scripts: tuple[_Inline, ...]) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(script.hash for script in scripts)}",
            f"style-src {' '.join(style.hash for style in styles)}",
            "media-src blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _data(report: Report) -> dict[str, object]:
    """What the scripts need: times, lanes and scores, but no words, for those stand in the page already."""
    return {
        "duration": report.call.duration_s,
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
    environment = Environment(
        loader=PackageLoader("monitor.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    environment.globals.update(labels=LABELS, letters=LETTERS)
    return environment


@cache
def _styles() -> tuple[_Inline, ...]:
    return _Inline(_licensed("uPlot.min.css")), _Inline(_colours()), _Inline(_text("page/report.css"))


@cache
def _scripts() -> tuple[_Inline, ...]:
    return _Inline(_licensed("uPlot.iife.min.js")), *(_Inline(_text(f"page/{name}")) for name in _SCRIPTS)


def _colours() -> str:
    """The project's colours as variables: an emotion's own, and that of a letter on it."""
    palette = Palette()
    values: dict[str, str] = {}
    for label in LABELS:
        block = palette.block(label)
        values |= {f"--{label}": _hex(block, ground=True), f"--on-{label}": _hex(block, ground=False)}
    return ":root {" + " ".join(f"{name}: {value};" for name, value in values.items()) + "}"


def _hex(style: Style, *, ground: bool) -> str:
    colour = style.bgcolor if ground else style.color
    assert colour is not None  # blocks have both
    return colour.get_truecolor().hex


def _licensed(name: str) -> str:
    """A file of uPlot with its licence, which asks to be in every copy, as each report is."""
    return f"/*!\n{_text('vendor/uplot/LICENSE')}\n*/\n{_text(f'vendor/uplot/{name}')}"


def _text(path: str) -> str:
    return files("monitor.report").joinpath(path).read_text(encoding="utf-8")
