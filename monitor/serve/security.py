"""Who may talk to the server, and to whom it talks: tokens, origins, signatures, limits for everybody, addresses."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

from stser_core.errors import StserError, UsageError

MESSAGE_BYTES = 1 << 16
"""The longest message of a websocket."""


@dataclass(frozen=True)
class Limits:
    """Bounds for everybody who connects."""

    lines: int = 100  # calls at once
    connections: int = 256  # at once, over the lines
    head_s: float = 10.0  # until a request's head has to be complete
    idle_s: float = 60.0  # without sound, after which a line ends
    lead_s: float = 5.0  # by which a sender may be ahead of real time; then it has to wait
    messages_per_s: float = 400.0  # of one connection, on average
    burst: int = 2_000  # messages of one connection at once


class DeniedError(StserError):
    """A request that is not let in, for its "origin", its "token" or its "signature"."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class Access:
    """Decides whether a request is let in."""

    def __init__(self, token: str | None = None, twilio_token: str | None = None) -> None:
        """Ask everybody for a token, and Twilio for a signature made with its own, where these are given."""
        self._token = token
        self._twilio_token = twilio_token

    def knows(self, token: str | None) -> bool:
        """Whether a token is the right one, compared in constant time; true where none is needed."""
        if self._token is None:
            return True
        return token is not None and _equal(token, self._token)

    def allows(self, headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
        """Whether a request shows the token: as `Authorization: Bearer` or as `?token=`."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return self.knows(given.strip() if scheme.lower() == "bearer" else query.get("token"))

    def check_token(self, headers: Mapping[str, str], query: Mapping[str, str]) -> None:
        """Raise `DeniedError` where a request does not show the token."""
        if not self.allows(headers, query):
            raise DeniedError("token", "The token is missing or wrong: Authorization: Bearer TOKEN, or ?token=TOKEN.")

    def check_origin(self, headers: Mapping[str, str]) -> None:
        """Raise `DeniedError` where a browser's request is of another page, whatever token it shows."""
        host, origin = headers.get("host", ""), headers.get("origin")
        name = _name(host)
        # A page elsewhere, whose name was made to point here (DNS rebinding), has another name.
        if self._token is None and not is_loopback(name):
            raise DeniedError(
                "origin", f"Without a token the server answers to 127.0.0.1 or localhost only, not '{name}'."
            )
        if origin is not None and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}"):
            raise DeniedError("origin", f"The page at {origin} is not this server's.")

    def twilio_signed(self, headers: Mapping[str, str], path: str, query: str) -> bool:
        """Whether Twilio has signed a request for a websocket; `DeniedError` where it has to, and has not."""
        if self._twilio_token is None:
            return False
        rest = f"{headers.get('host', '')}{path}" + (f"?{query}" if query else "")
        # A proxy that ends TLS hides which scheme the sender used.
        expected = [twilio_signature(self._twilio_token, f"{way}://{rest}") for way in ("wss", "ws")]
        if not any(_equal(headers.get("x-twilio-signature", ""), each) for each in expected):
            raise DeniedError("signature", "The signature of Twilio is missing or wrong.")
        return True


def twilio_signature(token: str, url: str) -> str:
    """The value of `X-Twilio-Signature` (https://www.twilio.com/docs/usage/security, "Validating requests").

    It is made with the account's auth token for the whole address; of a POST also the form, sorted and joined.
    """
    return base64.b64encode(hmac.digest(token.encode(), url.encode(), hashlib.sha1)).decode()


class Pace:
    """How fast one connection may send messages: so many at once, and so many a second on average."""

    def __init__(self, limits: Limits) -> None:
        self._every_s = 1 / limits.messages_per_s
        self._credit_s = limits.burst * self._every_s
        self._due_s = -math.inf  # when the next message may come, had all come evenly

    def wait_s(self) -> float:
        """Count one message: for how long the next one has to wait."""
        now_s = time.monotonic()
        self._due_s = max(self._due_s, now_s - self._credit_s) + self._every_s
        return max(0.0, self._due_s - now_s)


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class _NoRedirects(HTTPRedirectHandler):
    """A redirection is an answer that is not taken: what is meant for one address goes to no other."""

    def redirect_request(self, *arguments: Any, **further: Any) -> None:  # noqa: ANN401
        """Follow none."""


opener = build_opener(_NoRedirects)
"""Asks other programs over HTTP, and follows no redirections."""


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


def _name(host: str) -> str:
    """A host without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode())
