"""The overview page itself: one file, which loads nothing and runs no script but its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from monitor.archive.overview import CallLine, Overview
from monitor.display.palette import LETTERS, Palette
from monitor.report.embedding import json_block, source_hash
from stser_core.emotions import LABELS


@dataclass(frozen=True)
class _Inline:
    """An inline script or style; it is hashed as it stands, so it must not be escaped."""

    source: str

    @property
    def markup(self) -> Markup:
        return Markup(self.source)

    @property
    def hash(self) -> str:
        return source_hash(self.source)


def render_overview(overview: Overview) -> bytes:
    """Make the page.

    Names and reasons are data: the template escapes them, and the script reads its data from JSON and only ever
    sets texts.

    Args:
        overview: The content.

    Returns:
        A whole HTML file in UTF-8.
    """
    style, script = _Inline(_colours() + _text("overview.css")), _Inline(_text("overview.js"))
    policy = (
        f"default-src 'none'; script-src {script.hash}; style-src {style.hash}; base-uri 'none'; form-action 'none'"
    )
    template = _environment().get_template("overview.html")
    return template.render(
        overview=overview,
        policy=policy,
        style=style,
        script=script,
        data=json_block([_data(call) for call in overview.calls]),
    ).encode("utf-8", errors="backslashreplace")


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
    environment = Environment(
        loader=PackageLoader("monitor.archive", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(labels=LABELS, letters=LETTERS)
    environment.filters.update(clock=_clock, hours=_hours, percent=_percent)
    return environment


def _colours() -> str:
    """The project's colours as variables: an emotion's own, and that of a letter on it."""
    palette = Palette()
    values = []
    for label in LABELS:
        block = palette.block(label)
        assert block.bgcolor is not None and block.color is not None  # blocks have both
        values.append(f"--{label}: {block.bgcolor.get_truecolor().hex};")
        values.append(f"--on-{label}: {block.color.get_truecolor().hex};")
    return f":root {{ {' '.join(values)} }}\n"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:,.1f} h"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _text(name: str) -> str:
    return files("monitor.archive").joinpath("templates", name).read_text(encoding="utf-8")
