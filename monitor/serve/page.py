"""The page of the server."""

from __future__ import annotations

from importlib.resources import files

_MISSING = b"<!doctype html><title>stser-monitor</title><p><a href='calls'>Calls</a> <a href='events'>Events</a>"


def page() -> bytes:
    """The page that shows all lines."""
    file = files("monitor.serve").joinpath("page.html")
    return file.read_bytes() if file.is_file() else _MISSING
