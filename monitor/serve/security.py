"""Who may talk to the server: tokens, browsers' origins, Twilio's signatures, and limits for everybody."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Limits:
    """Bounds for everybody who connects.

    Attributes:
        lines: Calls at once.
        connections: Connections at once, over the lines.
        message_bytes: Bytes of a websocket's message.
        header_bytes: Bytes of a request's head.
        head_s: Seconds until a request's head has to be complete.
        idle_s: Seconds without sound after which a line ends.
        lead_s: Seconds by which sound may come faster than time passes; then its sender has to wait.
        pause_s: Seconds for which a stream without time stamps may pause without the pause counting as silence.
        messages_per_s: Messages of one connection, on average.
        burst: Messages of one connection at once.
    """

    lines: int = 100
    connections: int = 256
    message_bytes: int = 1 << 16
    header_bytes: int = 1 << 14
    head_s: float = 10.0
    idle_s: float = 60.0
    lead_s: float = 5.0
    pause_s: float = 3.0
    messages_per_s: float = 400.0
    burst: int = 2_000


class Access:
    """Decides whether a request is let in."""

    def __init__(
        self, token: str | None = None, twilio_token: str | None = None, hosts: frozenset[str] = LOOPBACK_NAMES
    ) -> None:
        """Prepare.

        Args:
            token: What requests have to show; `None` where only this machine can connect.
            twilio_token: Twilio's auth token, with which it signs.
            hosts: The names under which the server may be addressed where there is no token: a page elsewhere, whose
                name was made to point here (DNS rebinding), has another.
        """
        self._token = token
        self._twilio_token = twilio_token
        self._hosts = hosts

    def knows(self, token: str | None) -> bool:
        """Whether a token is the right one, compared in constant time; true where none is needed."""
        if self._token is None:
            return True
        return token is not None and _equal(token, self._token)

    def allows(self, headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
        """Whether a request shows the token: as `Authorization: Bearer` or as `?token=`."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return self.knows(given.strip() if scheme.lower() == "bearer" else query.get("token"))

    def refusal(self, headers: Mapping[str, str]) -> str | None:
        """Why a browser's request is refused, whatever token it shows; `None` where it is not."""
        host = headers.get("host", "")
        name = _name(host)
        if self._token is None and name not in self._hosts:
            return f"Without a token the server answers to {', '.join(sorted(self._hosts))} only, not to '{name}'."
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}"):
            return f"The page at {origin} is not this server's."
        return None

    def twilio_signed(self, headers: Mapping[str, str], path: str, query: str) -> bool:
        """Whether Twilio has signed a request for a websocket, with the auth token that was given."""
        signature = headers.get("x-twilio-signature")
        if self._twilio_token is None or signature is None:
            return False
        rest = f"{headers.get('host', '')}{path}" + (f"?{query}" if query else "")
        # A proxy that ends TLS hides which scheme the sender used.
        expected = [twilio_signature(self._twilio_token, f"{way}://{rest}") for way in ("wss", "ws")]
        return any(_equal(signature, each) for each in expected)

    @property
    def asks_twilio(self) -> bool:
        """Whether streams of Twilio have to be signed."""
        return self._twilio_token is not None


def twilio_signature(token: str, url: str) -> str:
    """The value of `X-Twilio-Signature` (https://www.twilio.com/docs/usage/security, "Validating requests").

    Args:
        token: The account's auth token.
        url: The whole address, with its query; of a POST also the form's names and values, sorted and joined.
    """
    return base64.b64encode(hmac.digest(token.encode(), url.encode(), hashlib.sha1)).decode()


class Pace:
    """How fast one connection may send messages: a bucket that fills as time passes."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = float(limits.burst)
        self._at_s = time.monotonic()

    def wait_s(self) -> float:
        """Count one message: for how long the next one has to wait."""
        self._left -= 1
        if self._left > 0:
            return 0.0
        now_s = time.monotonic()
        self._left = min(self._limits.burst, self._left + (now_s - self._at_s) * self._limits.messages_per_s)
        self._at_s = now_s
        return max(0.0, -self._left / self._limits.messages_per_s)


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """A host without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode())
