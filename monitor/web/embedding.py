"""Data and scripts inside a page, so that neither can become anything else."""

from __future__ import annotations

import base64
import hashlib
import json

from markupsafe import Markup

# Inside a script element only "</script" and "<!--" end or change it; no "<" at all is simpler to be sure of. The two
# line separators are ends of lines to older JavaScript.
_ESCAPES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def json_block(value: object) -> Markup:
    """A value as JSON that can stand inside `<script type="application/json">`.

    Raises:
        ValueError: The value holds a number that JSON has not, such as an infinity.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(_ESCAPES))


def base64_block(content: bytes) -> Markup:
    """Bytes as Base64, whose alphabet has nothing that HTML knows."""
    return Markup(base64.b64encode(content).decode())


def source_hash(source: str) -> str:
    """What a Content Security Policy calls the one inline script or style that it permits.

    Args:
        source: Everything between the element's tags, with line feeds as line ends.
    """
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
