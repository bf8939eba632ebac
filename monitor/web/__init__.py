"""What every page that this program writes has in common: one file, which loads nothing and runs no script but its own.

`templates/` holds the document around each page's content, and the style that all pages begin with.
"""

from __future__ import annotations

from monitor.web.page import Inline, base64_block, base_style, environment, json_block, render, text

__all__ = ["Inline", "base64_block", "base_style", "environment", "json_block", "render", "text"]
