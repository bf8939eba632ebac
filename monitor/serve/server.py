"""Runs the server: its sockets, its event loop in a thread of its own, and an orderly end of all lines."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from monitor.serve.app import App
from monitor.serve.lines import STOPPED, Lines
from monitor.serve.security import MESSAGE_BYTES
from stser_core.errors import StserError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from socket import socket

    from monitor.serve.peers import Peer
    from monitor.serve.security import Access, Limits

_END_S = 5.0
_BACKLOG = 128
_HEAD_BYTES = 1 << 14


class Server:
    """One server. `run` waits until it ends; `stop` and `abort` may be called from any thread."""

    def __init__(
        self,
        lines: Lines,
        access: Access,
        *,
        sockets: Sequence[socket],  # those of HTTP
        audiosocket: socket | None = None,
        allowed: Callable[[str], bool] = lambda address: True,  # whether an address may use AudioSocket
        tls: tuple[Path, Path] | None = None,  # files of the certificate and of its key
        replicas: Access | None = None,  # who may ask at the sockets, where these are for the replicas of one server
    ) -> None:
        """Prepare; nothing listens yet but the sockets.

        Raises:
            UsageError: The certificate or its key cannot be read.
        """
        self._lines = lines
        self.app = App(lines, access, replicas, audiosocket, allowed)
        self._sockets = list(sockets)
        self._failure: BaseException | None = None
        self._faults = _Faults(lines.shared.metrics.say)
        for name in ("uvicorn.error", "asyncio"):
            logger = logging.getLogger(name)
            logger.setLevel(logging.ERROR)
            logger.handlers, logger.propagate = [self._faults], False
        self._uvicorn = uvicorn.Server(_configured(self.app, lines.shared.limits, tls, alone=replicas is None))

    def run(self) -> None:
        """Serve until it is stopped.

        Raises:
            StserError: The server failed.
        """
        thread = Thread(target=self._serve, name="server", daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(0.1)  # short waits, since on some systems no signal is seen during a long one
        if self._failure is not None:
            raise StserError(f"The server failed ({self._failure}).") from self._failure

    async def serve(self) -> None:
        """Serve until it is stopped, in the event loop in which somebody else runs the lifespan of `app`."""
        await self._uvicorn.serve(self._sockets)

    def follow(self, peers: Sequence[Peer]) -> None:
        """Show the calls of these servers, too, and no longer those of others."""
        before, self.app.peers = self.app.peers, list(peers)
        for peer in before:
            if peer not in peers:
                peer.close()
        for peer in peers:
            if peer not in before:
                peer.start(partial(self._knows, peer))

    @property
    def started(self) -> bool:
        """Whether it answers."""
        return self._uvicorn.started

    def stop(self) -> None:
        """End all lines, and then the server."""
        for peer in self.app.peers:
            peer.close()
        lines = self._lines.stop()
        self._soon(*(partial(line.end, STOPPED) for line in lines))
        until_s = time.monotonic() + _END_S
        for line in lines:
            line.thread.join(max(0.0, until_s - time.monotonic()))
        for line in self._lines.lines:
            line.pipeline.abort()
        self._soon(self._lines.shared.log.end)
        self._faults.setLevel(logging.CRITICAL)  # a request that is cut off now is not a fault
        self._uvicorn.should_exit = True

    def abort(self) -> None:
        """End at once."""
        self._faults.setLevel(logging.CRITICAL)
        for line in self._lines.stop():
            line.pipeline.abort()
        self._uvicorn.should_exit = self._uvicorn.force_exit = True

    def _soon(self, *calls: Callable[[], None]) -> None:
        """Have the event loop call these."""
        if self.app.loop is not None:
            with suppress(RuntimeError):  # a second signal has ended it
                for call in calls:
                    self.app.loop.call_soon_threadsafe(call)

    def _knows(self, asking: Peer, call: str) -> bool:
        """Whether a call is one of this server's, or of another peer than the one that asks."""
        return self._lines.find(call) is not None or any(
            call in peer.calls for peer in self.app.peers if peer is not asking
        )

    def _serve(self) -> None:
        try:
            self._uvicorn.run(self._sockets)
        except BaseException as error:  # noqa: BLE001  carried to the thread that waits
            self._failure = error


_REFUSED = "ASGI callable returned without completing handshake"
"""Logged by uvicorn for every websocket that is refused with a sentence."""

_ANSWERED = "role=SERVER and state=MUST_CLOSE"
"""In h11's error where an answer follows uvicorn's own to what is not HTTP."""


class _Faults(logging.Handler):
    """Says what uvicorn logs as an error: what nobody foresaw."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Say it."""
        error = record.exc_info[1] if record.exc_info else None
        if (error is None and record.msg.startswith(_REFUSED)) or _ANSWERED in str(error):
            return
        what = record.getMessage() if error is None else f"{type(error).__name__}: {error}"
        self._say(f"an unforeseen fault in the server ended a request ({what.strip()}); please report it.")


def _configured(app: App, limits: Limits, tls: tuple[Path, Path] | None, *, alone: bool) -> uvicorn.Config:
    certificate, key = tls or (None, None)
    config = uvicorn.Config(
        app,
        http=_bounded(limits),
        ws="websockets-sansio",
        ws_max_size=MESSAGE_BYTES,
        ws_max_queue=8,
        ws_per_message_deflate=False,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        timeout_keep_alive=round(limits.head_s),
        timeout_graceful_shutdown=2,
        backlog=_BACKLOG,
        lifespan="on" if alone else "off",
        loop="auto",  # uvloop, where it is: it needs half of asyncio's time for a message
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"The certificate '{certificate}' or its key '{key}' cannot be used ({error}).") from error
    return config


def _bounded(limits: Limits) -> type[asyncio.Protocol]:
    """Uvicorn's HTTP protocol for so many connections, each of which has to complete its requests in time."""

    class Bounded(H11Protocol):
        """One connection."""

        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:  # noqa: ANN401 (uvicorn's own is narrower than asyncio's)
            """Begin, unless there are too many."""
            super().connection_made(transport)
            self.app_state = {**self.app_state, "abort": transport.abort}
            if len(self.connections) > limits.connections:
                transport.abort()
            self._await_head()

        def on_response_complete(self) -> None:
            """Await the next request."""
            super().on_response_complete()
            self._await_head()

        def _await_head(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self.loop.call_later(limits.head_s, self._give_up)

        def _give_up(self) -> None:
            answered = self.cycle is None or self.cycle.response_complete
            if self.transport.get_protocol() is self and answered:
                self.transport.abort()

    return Bounded
