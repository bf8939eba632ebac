"""Sends alerts to another program over HTTP: signed, tried again where that may help, and never waited for."""

from __future__ import annotations

import hashlib
import hmac
from http.client import HTTPException
from threading import Event, Thread
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request

from monitor.counted import counted
from monitor.queue import ClosableQueue
from monitor.serve.security import checked, opener

if TYPE_CHECKING:
    from monitor.serve.metrics import Metrics

_WAITING = 256
_PATIENCE_S = 10.0
_TRIES_AFTER_S = (0.0, 1.0, 4.0, 16.0, 60.0)
_AGAIN = (408, 425, 429)
_AT_END_S = 3.0


class Webhook:
    """Posts texts to an address, in a thread of its own."""

    def __init__(self, url: str, secret: str, metrics: Metrics) -> None:
        """Start waiting for texts, which are signed: the header `X-Stser-Signature` has the body's HMAC-SHA256.

        Raises:
            UsageError: The address is not one of HTTP.
        """
        self._url = checked(url, "--webhook", "https://example.org/alerts")
        self._secret = secret
        self._metrics = metrics
        self._texts: ClosableQueue[str] = ClosableQueue(_WAITING)
        self._closing = Event()
        self._thread = Thread(target=self._work, name="webhook", daemon=True)
        self._thread.start()

    def run(self, text: str) -> None:
        """Post a text soon; where too many wait, the oldest is given up."""
        _, dropped = self._texts.put_dropping(text)
        if dropped is not None:
            self._metrics.webhook.labels("dropped").inc()

    def close(self) -> None:
        """Try what is left once more, for a short time; then count and say how many alerts are given up."""
        self._closing.set()
        self._texts.close()
        self._thread.join(_AT_END_S)
        if given_up := len(self._texts.cancel()) + self._thread.is_alive():  # one is being posted
            self._metrics.webhook.labels("failed").inc(given_up)
            self._metrics.say(f"the webhook did not take {counted(given_up, 'alert')}: the server is stopping.")

    def _work(self) -> None:
        while (text := self._texts.get()) is not None:
            outcome = self._post(text.encode())
            self._metrics.webhook.labels("sent" if outcome is None else "failed").inc()
            if outcome is not None:
                self._metrics.say(f"the webhook did not take an alert: {outcome}.")

    def _post(self, body: bytes) -> str | None:
        """Post a body; why it was given up, or `None` where it was taken."""
        signature = hmac.digest(self._secret.encode(), body, hashlib.sha256).hex()
        headers = {"Content-Type": "application/json", "X-Stser-Signature": f"sha256={signature}"}
        outcome = "the server is stopping"
        for wait_s in _TRIES_AFTER_S:
            if wait_s and self._closing.wait(wait_s):
                return outcome
            try:
                with opener.open(Request(self._url, body, headers), timeout=_PATIENCE_S):
                    return None
            except HTTPError as error:
                outcome = f"it answers {error.code}"
                error.close()
                if error.code < 500 and error.code not in _AGAIN:
                    return outcome
            except (OSError, HTTPException) as error:
                outcome = str(error) or type(error).__name__
        return outcome
