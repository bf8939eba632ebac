"""Common parts of all pages: one file, which loads nothing and runs only its own scripts.

`templates/` holds the document around each page's content, and the styles and scripts that pages share; `vendor/`
code of others.
"""

from __future__ import annotations

from monitor.web.page import (
    Inline,
    base64_block,
    base_style,
    call_scripts,
    call_styles,
    environment,
    json_block,
    render,
    text,
)

__all__ = [
    "Inline",
    "base64_block",
    "base_style",
    "call_scripts",
    "call_styles",
    "environment",
    "json_block",
    "render",
    "text",
]
