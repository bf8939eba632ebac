"""The server's addresses: media streams in; calls, events, reports and metrics out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute

from monitor.display.palette import LETTERS
from monitor.report.page import render as render_report
from monitor.serve.calls import Call, read_kept
from monitor.serve.events import PLACES
from monitor.serve.lines import Lines
from monitor.serve.media import Media
from monitor.serve.metrics import together
from monitor.serve.protocols import ProtocolError
from monitor.serve.security import Access, DeniedError
from monitor.timeline.file import read_timeline
from monitor.web.page import json_block, render, text
from stser_core.emotions import LABELS
from stser_core.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path
    from socket import socket

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from monitor.serve.peers import Peer

_NOW_EVERY_S = 0.25
_DIGITS = 20
_SEND_PATIENCE_S = 20.0
_OPEN = {"http": "/healthz", "websocket": "/media/twilio"}
"""What is asked without a token; Twilio's comes in its first message."""

_HEADERS = {
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class App:
    """The addresses, as docs/serve.md describes them; a request is let in, or refused, before anything looks at it.

    Attributes:
        loop: Its event loop, once it runs.
        media: Carries the sound of media streams.
        peers: Other servers, whose calls are shown, too.
    """

    def __init__(
        self,
        lines: Lines,
        access: Access,
        replicas: Access | None,
        audiosocket: socket | None,
        allowed: Callable[[str], bool],
    ) -> None:
        """Show calls to whom has access; a replica has another for who asks it without Ray between.

        At `audiosocket` it takes the streams of Asterisk from addresses that are `allowed`.
        """
        self.loop: asyncio.AbstractEventLoop | None = None
        self.media = Media(lines, access)
        self.peers: list[Peer] = []
        self._lines = lines
        self._log = lines.shared.log
        self._metrics = lines.shared.metrics
        self._access = access
        self._replicas = replicas
        self._audiosocket, self._allowed = audiosocket, allowed
        self._starlette = Starlette(
            routes=[
                Route("/", self._page),
                Route("/healthz", self._health),
                Route("/metrics", self._answer_metrics),
                Route("/events", self._events),
                Route("/calls", self._calls),
                Route("/calls/{call}", self._of_call(self._call)),
                Route("/calls/{call}/report", self._of_call(self._report)),
                Route("/calls/{call}/alerts/{alert}/acknowledge", self._of_call(self._acknowledge), methods=["POST"]),
                WebSocketRoute("/media/twilio", self.media.twilio),
                WebSocketRoute("/media/pcm", self.media.pcm),
            ],
            exception_handlers={HTTPException: _problem, DeniedError: self._denied, ProtocolError: self._denied},
            lifespan=self._lifespan,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""

        async def send_with_headers(message: Message) -> None:
            if message["type"].endswith("http.response.start"):
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        answer: ASGIApp = self._starlette
        if scope["type"] != "lifespan":
            try:
                self._let_in(HTTPConnection(scope))
            except DeniedError as error:
                answer = await self._denied(HTTPConnection(scope), error)
        await answer(scope, receive, send_with_headers)

    def _let_in(self, connection: HTTPConnection) -> None:
        """Raise `DeniedError` where a request is not let in."""
        access = self._replicas if self._replicas is not None and _is_direct(connection) else self._access
        access.check_origin(connection.headers)
        if access is self._replicas or connection.scope["path"] != _OPEN[connection.scope["type"]]:
            access.check_token(connection.headers, connection.query_params)

    async def _denied(self, connection: HTTPConnection, error: Exception) -> Response:
        reason = error.reason if isinstance(error, DeniedError) else "query"
        self._metrics.refuse(reason, str(error))
        unknown = reason == "token" and connection.scope["type"] == "http"
        return PlainTextResponse(f"{error}\n", 401 if unknown else 403)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self.loop = asyncio.get_running_loop()
        listening = await self.media.listen(self._audiosocket, self._allowed) if self._audiosocket else None
        ticking = asyncio.create_task(self._tick())
        yield
        ticking.cancel()
        if listening is not None:
            listening.close()

    async def _tick(self) -> None:
        missing: list[str] = []
        while True:
            await asyncio.sleep(_NOW_EVERY_S)
            self.media.end_idle()
            if self._log.followed:
                calls = [line.now() for line in self._lines.lines]
                calls += [call for peer in self.peers for call in peer.now]
                before, missing = missing, [peer.url for peer in self.peers if not peer.reachable]
                if calls or missing or before:
                    self._log.show({"calls": calls, "unreachable": missing})

    async def _page(self, request: Request) -> Response:
        return Response(_live_page(), media_type="text/html")

    async def _health(self, request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def _answer_metrics(self, request: Request) -> Response:
        self._metrics.lines.set(len(self._lines.lines))
        self._metrics.readers.set(self._log.followed)
        metrics = self._metrics.text()
        if self._log.place is not None and not _is_direct(request):
            texts = {self._log.place: metrics.decode()}
            for peer in self.peers:
                with suppress(OSError):  # it is being lost, and has none
                    _, _, own = await anyio.to_thread.run_sync(peer.ask, "GET", "/metrics", abandon_on_cancel=True)
                    texts[peer.place or 0] = own.decode()
            metrics = together(texts)
        return Response(metrics, media_type="text/plain; version=0.0.4")

    async def _events(self, request: Request) -> Response:
        given = request.headers.get("last-event-id") or request.query_params.get("after")
        if given is not None and not (given.isascii() and given.isdecimal() and len(given) < _DIGITS):
            raise HTTPException(400, "The number of the last event is not a number.")
        after = None if given is None else int(given)
        for peer in self.peers:
            if after is not None and after % PLACES == peer.place and peer.reachable and not _is_direct(request):
                return _EventStream(peer.events(after))
        return _EventStream(self._log.follow(after))

    async def _calls(self, request: Request) -> Response:
        headers = {"last-event-id": str(self._log.last_id)}
        calls = [call.values() for call in self._lines.calls()]
        for peer in self.peers:
            calls += list(peer.calls.values())
        return JSONResponse(sorted(calls, key=_begun), headers=headers)

    def _of_call(
        self, answer: Callable[[Request, Call], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Answer what is asked of a call, or pass on what the other server that has it answers."""

        async def answered(request: Request) -> Response:
            name = request.path_params["call"]
            if (call := self._lines.find(name)) is not None:
                return await answer(request, call)
            peer = next((peer for peer in self.peers if name in peer.calls), None)
            if peer is None:
                raise HTTPException(404, "There is no such call.")
            asked = request.method, request.scope["path"]
            headers = {"last-event-id": str(self._log.last_id)}
            try:
                status, kind, body = await anyio.to_thread.run_sync(peer.ask, *asked, abandon_on_cancel=True)
            except OSError as error:
                raise HTTPException(502, f"The server of this call does not answer ({error}).") from error
            if answer == self._call and status == HTTPStatus.OK:
                return JSONResponse({**json.loads(body), "server": peer.url}, headers=headers)
            return Response(body, status, media_type=kind or None)

        return answered

    async def _call(self, request: Request, call: Call) -> Response:
        headers = {"last-event-id": str(self._log.last_id)}
        try:
            kept = await anyio.to_thread.run_sync(read_kept, self._lines.path(call.name))
        except (OSError, DataError) as error:
            raise HTTPException(500, f"The file of this call cannot be read ({error}).") from error
        alerts = [
            {**alert, "alert": number, "acknowledged": number in call.acknowledged}
            for number, alert in enumerate(kept.alerts, start=1)
        ]
        return JSONResponse({**call.values(), "turns": kept.turns, "alerts": alerts}, headers=headers)

    async def _report(self, request: Request, call: Call) -> Response:
        if call.ended_at is None:
            raise HTTPException(409, "The call is still in progress.")
        try:
            content = await anyio.to_thread.run_sync(_report_page, self._lines.path(call.name))
        except DataError as error:
            raise HTTPException(500, str(error)) from error
        return Response(content, media_type="text/html")

    async def _acknowledge(self, request: Request, call: Call) -> Response:
        alert = request.path_params["alert"]
        known = alert.isascii() and alert.isdecimal() and len(alert) < _DIGITS
        if not (known and await anyio.to_thread.run_sync(self._lines.acknowledge, call, int(alert))):
            raise HTTPException(404, "There is no such alert.")
        return Response(status_code=204)


class _EventStream(StreamingResponse):
    """Sends events until the reader goes, or does not read for a while."""

    def __init__(self, events: AsyncGenerator[str | bytes, None]) -> None:
        super().__init__(events, headers={"x-accel-buffering": "no"}, media_type="text/event-stream")
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""

        async def send_soon(message: Message) -> None:
            with anyio.move_on_after(_SEND_PATIENCE_S) as sending:
                await send(message)
            if sending.cancelled_caught:
                scope["state"]["abort"]()  # closing would wait for the reader, who does not read

        try:
            await super().__call__(scope, receive, send_soon)
        finally:
            await self._events.aclose()


@cache
def _live_page() -> bytes:
    """The page of all lines: one file, which talks to its own server and to nobody else.

    Besides its own scripts and styles it permits itself requests to its own server, and a blob as a script: that of the
    microphone, which runs in a thread of its own. What the server tells is put into it as text only.
    """
    return render(
        "monitor.serve",
        "page/live.html",
        styles=("live.css",),
        scripts=("lines.js", "lanes.js", "alerts.js", "call.js", "microphone.js", "stream.js", "start.js"),
        curves=True,
        script_sources=("blob:",),
        permits=("connect-src 'self'",),
        title="Live lines",
        settings=json_block({"labels": LABELS, "letters": [LETTERS[label] for label in LABELS]}),
        worklet=Markup(text("monitor.serve", "page/worklet.js")),
    )


def _report_page(path: Path) -> bytes:
    file = read_timeline(path)
    transcripts = any(turn.words is not None for turn in file.turns)
    return render_report(file.turns, file.notes, path.stem, transcripts=transcripts)


def _begun(call: Mapping[str, object]) -> float:
    """When a call began, by which calls are sorted: their times may have different offsets from UTC."""
    with suppress(ValueError, OverflowError):
        return datetime.fromisoformat(str(call["started_at"])).timestamp()
    return 0.0  # of a peer that is another program


def _is_direct(connection: HTTPConnection) -> bool:
    """Whether a request came to a socket of this process; else Ray has brought it."""
    return "abort" in connection.scope.get("state", {})


async def _problem(connection: HTTPConnection, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)
