"""A page as one file: its template in the common document, its styles and scripts in it, and what it may load."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from monitor.counted import counted
from monitor.display.palette import COLOURS, LETTERS, clock
from stser_core.emotions import LABELS
from stser_core.files import utf8

_PACKAGE = "monitor.web"
_TEMPLATES = "templates"
_UNKNOWN = "–"


def render(
    package: str,
    template: str,
    *,
    styles: Sequence[str],
    scripts: Sequence[str],
    curves: bool = False,
    script_sources: Sequence[str] = (),
    permits: Sequence[str] = (),
    **content: object,
) -> bytes:
    """Make a page that forbids itself every load from elsewhere, and every script and style but its own.

    Args:
        package: Where the page's files are.
        template: Their folder and the template's name; it fills `base.html`.
        styles: Files of styles, which follow the common ones.
        scripts: Files of scripts, in the order in which the template has them run.
        curves: Whether the page shows a call's curves: its styles and scripts begin with those for that.
        script_sources: From where else scripts may be loaded, such as `blob:`.
        permits: Further directives of the page's Content Security Policy, such as `media-src blob:`.
        **content: What the template shows, as data, which it escapes; `title` among it.

    Returns:
        A whole HTML file in UTF-8.
    """
    folder, _, name = template.rpartition("/")
    all_styles = [_base_style(), *(text(package, f"{folder}/{style}") for style in styles)]
    all_scripts = [_part("basics.js"), *(text(package, f"{folder}/{script}") for script in scripts)]
    if curves:
        all_styles[:1] = _uplot("uPlot.min.css"), _base_style(), _part("call.css")
        all_scripts[:1] = _uplot("uPlot.iife.min.js"), _part("basics.js"), _part("chart.js")
    policy = (
        "default-src 'none'",
        f"script-src {' '.join([*map(source_hash, all_scripts), *script_sources])}",
        f"style-src {' '.join(map(source_hash, all_styles))}",
        *permits,
        "base-uri 'none'",
        "form-action 'none'",
    )
    page = _environment(package, folder).get_template(name)
    # They are hashed as they are, so they must not be escaped.
    own = {"styles": map(Markup, all_styles), "scripts": map(Markup, all_scripts)}
    return utf8(page.render(policy="; ".join(policy), **own, **content))


@cache
def _environment(package: str, folder: str) -> Environment:
    """The environment of a page's templates, in which texts are escaped, and an undefined name is an error.

    Templates know `labels`, the emotions in their order, `letters`, the letter of each, and the functions below that
    write numbers and times.
    """
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package, folder), PackageLoader(_PACKAGE, _TEMPLATES)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(clock=clock, counted=counted, lasting=lasting, shown=shown, total=total)
    made.globals.update(labels=LABELS, letters=LETTERS)
    return made


def lasting(seconds: float | None) -> str:
    """A length: `4.2 s` below a minute, then `4:37 min`, from an hour on `1:04:37 h`."""
    if seconds is None:
        return _UNKNOWN
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{clock(seconds)} {'min' if seconds < 3600 else 'h'}"


def total(seconds: float) -> str:
    """A length of many calls: `1,234.5 h`, and below an hour `4:37 min`."""
    return f"{clock(seconds)} min" if seconds < 3600 else f"{seconds / 3600:,.1f} h"


def shown(value: float | None, form: str) -> str:
    """A number as `str.format` writes it, with a real minus sign; a dash where it is not known."""
    return _UNKNOWN if value is None else form.format(value).replace("-", "−")


@cache
def _base_style() -> str:
    """The style that every page begins with: the emotions' colours, then light and dark, texts and controls."""
    colours = (f"--{label}: {ground}; --on-{label}: {letter};" for label, (ground, letter) in COLOURS.items())
    return f":root {{{' '.join(colours)}}}\n{_part('base.css')}"


def _part(name: str) -> str:
    return text(_PACKAGE, f"{_TEMPLATES}/{name}")


@cache
def _uplot(name: str) -> str:
    """A file of uPlot with its licence, which asks to be in every copy, as each page is."""
    folder = "vendor/uplot"
    return f"/*!\n{text(_PACKAGE, f'{folder}/LICENSE')}\n*/\n{text(_PACKAGE, f'{folder}/{name}')}"


@cache
def text(package: str, path: str) -> str:
    """A file that is packed with the program."""
    return files(package).joinpath(path).read_text(encoding="utf-8")


def json_block(value: object) -> Markup:
    """A value as JSON inside `<script type="application/json">`; a NaN or an infinity in it raises a `ValueError`."""
    return htmlsafe_json_dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def source_hash(source: str) -> str:
    """The source expression that permits one inline script or style, all between its tags, in a page's policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
