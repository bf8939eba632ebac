"""Addresses of other programs, which are asked over HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

from stser_core.errors import UsageError


class _NoRedirects(HTTPRedirectHandler):
    """A redirection is an answer that is not taken: what is meant for one address goes to no other."""

    def redirect_request(self, *arguments: Any, **further: Any) -> None:  # noqa: ANN401
        """Follow none."""


opener = build_opener(_NoRedirects)
"""Follows no redirections."""


def checked(url: str, option: str, example: str, *, bare: bool = False) -> str:
    """The address itself; a `bare` one has neither a user's name nor a query.

    Raises:
        UsageError: It is not one of HTTP.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        usable &= url.isprintable() and " " not in url
        usable &= not (bare and (parts.username or parts.query or parts.fragment))
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(f"{option} '{url}' is not an address such as {example}.")
    return url
