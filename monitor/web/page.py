"""A page as one file: its template in the common document, its styles and scripts in it, and what it may load."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from monitor.display.palette import COLOURS, LETTERS
from stser_core.emotions import LABELS
from stser_core.files import utf8

_PACKAGE = "monitor.web"
_TEMPLATES = "templates"


@dataclass(frozen=True)
class Inline:
    """The text of an inline script or style; it is hashed unchanged, so it must not be escaped."""

    source: str

    @property
    def markup(self) -> Markup:
        """The text as a template puts it between the element's tags."""
        return Markup(self.source)

    @property
    def hash(self) -> str:
        """Its source in the page's Content Security Policy."""
        return source_hash(self.source)


def environment(package: str, folder: str, filters: Mapping[str, Callable[..., str]]) -> Environment:
    """Make the environment of a page's templates, which fill the document `base.html`.

    Texts are escaped, and an undefined name is an error. Templates know `labels`, the emotions in their
    order, and `letters`, the letter of each.

    Args:
        package: The package with the templates.
        folder: The templates' folder in it.
        filters: How the templates write numbers and times, by name.
    """
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package, folder), PackageLoader(_PACKAGE, _TEMPLATES)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(filters)
    made.globals.update(labels=LABELS, letters=LETTERS)
    return made


def render(
    template: Template,
    *,
    styles: Sequence[Inline],
    scripts: Sequence[Inline],
    script_sources: Sequence[str] = (),
    permits: Sequence[str] = (),
    **content: object,
) -> bytes:
    """Make a page that forbids itself every load from elsewhere, and every script and style but its own.

    Args:
        template: One that fills `base.html`.
        styles: In the order in which they count.
        scripts: In the order in which the template has them run.
        script_sources: From where else scripts may be loaded, such as `blob:`.
        permits: Further directives of the page's Content Security Policy, such as `media-src blob:`.
        **content: What the template shows; `title` among it.

    Returns:
        A whole HTML file in UTF-8.
    """
    policy = _policy(styles, [*(script.hash for script in scripts), *script_sources], permits)
    return utf8(template.render(policy=policy, styles=styles, scripts=scripts, **content))


@cache
def base_style() -> Inline:
    """The style that every page begins with: the emotions' colours, then light and dark, texts and controls."""
    return Inline(f"{_colours()}\n{text(_PACKAGE, f'{_TEMPLATES}/base.css')}")


@cache
def call_styles() -> tuple[Inline, ...]:
    """The styles that every page that shows a call begins with."""
    return Inline(_uplot("uPlot.min.css")), base_style(), _part("call.css")


@cache
def call_scripts() -> tuple[Inline, ...]:
    """The scripts that every page that shows a call begins with: uPlot, and how it draws a call's curves."""
    return Inline(_uplot("uPlot.iife.min.js")), _part("basics.js"), _part("chart.js")


def _part(name: str) -> Inline:
    return Inline(text(_PACKAGE, f"{_TEMPLATES}/{name}"))


def _uplot(name: str) -> str:
    """A file of uPlot with its licence, which asks to be in every copy, as each page is."""
    folder = "vendor/uplot"
    return f"/*!\n{text(_PACKAGE, f'{folder}/LICENSE')}\n*/\n{text(_PACKAGE, f'{folder}/{name}')}"


def text(package: str, path: str) -> str:
    """A file that is packed with the program."""
    return files(package).joinpath(path).read_text(encoding="utf-8")


def _policy(styles: Sequence[Inline], scripts: Sequence[str], permits: Sequence[str]) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(scripts)}",
            f"style-src {' '.join(style.hash for style in styles)}",
            *permits,
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _colours() -> str:
    """The project's colours as variables: an emotion's own, and that of a letter on it."""
    values = (f"--{label}: {ground}; --on-{label}: {letter};" for label, (ground, letter) in COLOURS.items())
    return ":root {" + " ".join(values) + "}"


# Inside a script element only "</script" and "<!--" end or change it; no "<" at all is simpler to be sure of. The two
# line separators are ends of lines to older JavaScript.
_ESCAPES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def json_block(value: object) -> Markup:
    """A value as JSON that can be put inside `<script type="application/json">`.

    Raises:
        ValueError: The value contains a NaN or an infinity.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(_ESCAPES))


def base64_block(content: bytes) -> Markup:
    """Bytes as Base64, whose alphabet has nothing that HTML knows."""
    return Markup(base64.b64encode(content).decode())


def source_hash(source: str) -> str:
    """The source expression that permits one inline script or style in a Content Security Policy.

    Args:
        source: Everything between the element's tags, with line feeds as line ends.
    """
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
