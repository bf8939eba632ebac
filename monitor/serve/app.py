"""The server's addresses: media streams in; calls, events, reports and metrics out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from http.client import HTTPException
from typing import TYPE_CHECKING

import anyio
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from monitor.report.content import make_report
from monitor.report.page import render
from monitor.serve.calls import read_kept
from monitor.serve.events import PLACES
from monitor.serve.lines import Lines
from monitor.serve.media import Media, Stream
from monitor.serve.messages import Decoder, End, ProtocolError
from monitor.serve.metrics import together
from monitor.serve.page import page
from monitor.serve.protocols import PcmDecoder, TwilioDecoder
from monitor.serve.security import Access
from monitor.timeline.file import read_timeline
from stser_core.errors import DataError, StserError

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

    from monitor.serve.events import EventLog
    from monitor.serve.peers import Peer

_NOW_EVERY_S = 0.25
_HEARTBEAT_S = 15.0
_SEND_PATIENCE_S = 20.0
_POLICY, _TOO_MUCH, _UNSUPPORTED, _AGAIN_LATER, _OK = 1008, 1009, 1003, 1013, 1000
"""Codes with which a websocket is closed (RFC 6455, section 7.4.1)."""

_LONGEST_NAME = 40
_HEADERS = {
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_EVENT_HEADERS = {**_HEADERS, "x-accel-buffering": "no"}


class App:
    """The addresses, as docs/serve.md describes them; a request is let in, or refused, before anything looks at it."""

    def __init__(
        self,
        lines: Lines,
        access: Access,
        listeners: Callable[[], Awaitable[Sequence[asyncio.AbstractServer]]],
        peers: Sequence[Peer] = (),
        replicas: Access | None = None,
    ) -> None:
        """Prepare.

        Args:
            lines: The calls.
            access: Who may ask.
            listeners: Opens what listens beside it, in its event loop.
            peers: Other servers, whose calls are shown, too.
            replicas: Of a replica: who may ask it without Ray between.
        """
        self._replicas = replicas
        self.media = Media(lines, access)
        self._peers = peers
        self._lines = lines
        self._log = lines.shared.log
        self._metrics = lines.shared.metrics
        self._access = access
        self._listeners = listeners
        self._starlette = Starlette(
            routes=[
                Route("/", self._page),
                Route("/healthz", self._health),
                Route("/metrics", self._answer_metrics),
                Route("/events", self._events),
                Route("/calls", self._calls),
                Route("/calls/{call}", self._call),
                Route("/calls/{call}/report", self._report),
                Route("/calls/{call}/alerts/{alert:int}/acknowledge", self._acknowledge, methods=["POST"]),
                WebSocketRoute("/media/twilio", self._twilio),
                WebSocketRoute("/media/pcm", self._pcm),
            ],
            lifespan=self._lifespan,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "lifespan":
            connection = HTTPConnection(scope)
            asks_replica = self._replicas is not None and _is_direct(scope)
            access = self._replicas if self._replicas is not None and asks_replica else self._access
            headers, refusal = connection.headers, access.refusal(connection.headers)
            if refusal is not None:
                return await self._turn_away("origin", 403, refusal, scope, receive, send)
            guarded = asks_replica or (scope["type"] == "http" and scope["path"] != "/healthz")
            if guarded and not access.allows(headers, connection.query_params):
                sentence = "The token is missing or wrong: Authorization: Bearer TOKEN, or ?token=TOKEN."
                return await self._turn_away("token", 401, sentence, scope, receive, send)
        await self._starlette(scope, receive, send)

    async def _turn_away(
        self, reason: str, status: int, sentence: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["type"] == "websocket":
            await self._refuse(WebSocket(scope, receive, send), reason, sentence)
        else:
            self._metrics.refuse(reason, sentence)
            await _problem(status, sentence)(scope, receive, send)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        servers = await self._listeners()
        ticking = asyncio.create_task(self._tick())
        yield
        ticking.cancel()
        for server in servers:
            server.close()

    async def _tick(self) -> None:
        missing: list[str] = []
        while True:
            await asyncio.sleep(_NOW_EVERY_S)
            self.media.end_idle()
            if self._log.followed:
                calls = [line.now() for line in self._lines.lines]
                calls += [call for peer in self._peers for call in peer.now]
                before, missing = missing, [peer.url for peer in self._peers if not peer.reachable]
                if calls or missing or before:
                    self._log.show({"calls": calls, "unreachable": missing})

    async def _page(self, request: Request) -> Response:
        return Response(page(), media_type="text/html", headers=_HEADERS)

    async def _health(self, request: Request) -> Response:
        return PlainTextResponse("ok\n", headers=_HEADERS)

    async def _answer_metrics(self, request: Request) -> Response:
        self._metrics.lines.set(len(self._lines.lines))
        self._metrics.readers.set(self._log.followed)
        text = self._metrics.text()
        if self._log.place is not None and not _is_direct(request.scope):
            texts = {self._log.place: text.decode()}
            for peer in self._peers:
                with suppress(OSError, HTTPException):  # it is being lost, and has none
                    _, _, own = await anyio.to_thread.run_sync(peer.ask, "GET", "/metrics", abandon_on_cancel=True)
                    texts[peer.place or 0] = own.decode()
            text = together(texts)
        return Response(text, media_type="text/plain; version=0.0.4", headers=_HEADERS)

    async def _events(self, request: Request) -> Response:
        given = request.headers.get("last-event-id") or request.query_params.get("after")
        if given is not None and not (given.isascii() and given.isdecimal() and len(given) < 20):
            return _problem(400, "The number of the last event is not a number.")
        after = None if given is None else int(given)
        for peer in self._peers:
            if after is not None and after % PLACES == peer.place and peer.reachable and not _is_direct(request.scope):
                return StreamingResponse(peer.events(after), headers=_EVENT_HEADERS, media_type="text/event-stream")
        return _EventStream(self._log, after)

    async def _calls(self, request: Request) -> Response:
        headers = {"last-event-id": str(self._log.last_id)}
        calls = [call.values() for call in self._lines.calls()]
        for peer in self._peers:
            calls += list(peer.calls.values())
        return _json(sorted(calls, key=lambda call: str(call["started_at"])), headers)

    async def _call(self, request: Request) -> Response:
        name = request.path_params["call"]
        call = self._lines.find(name)
        if call is None:
            return await self._from_peer(request)
        headers = {"last-event-id": str(self._log.last_id)}
        kept = await anyio.to_thread.run_sync(read_kept, self._lines.path(name))
        alerts = [
            {**alert, "alert": number, "acknowledged": number in call.acknowledged}
            for number, alert in enumerate(kept.alerts, start=1)
        ]
        return _json({**call.values(), "turns": kept.turns, "alerts": alerts}, headers)

    async def _report(self, request: Request) -> Response:
        name = request.path_params["call"]
        call = self._lines.find(name)
        if call is None:
            return await self._from_peer(request)
        if call.ended_at is None:
            return _problem(409, "The call is still in progress.")
        try:
            content = await anyio.to_thread.run_sync(_rendered, self._lines.path(name))
        except DataError as error:
            return _problem(500, str(error))
        return Response(content, media_type="text/html", headers=_HEADERS)

    async def _acknowledge(self, request: Request) -> Response:
        call, alert = request.path_params["call"], request.path_params["alert"]
        if self._lines.find(call) is None:
            return await self._from_peer(request)
        if not await anyio.to_thread.run_sync(self._lines.acknowledge, call, alert):
            return _problem(404, "There is no such alert.")
        return Response(status_code=204, headers=_HEADERS)

    async def _from_peer(self, request: Request) -> Response:
        """The answer of the other server that has the call."""
        peer = next((peer for peer in self._peers if request.path_params["call"] in peer.calls), None)
        if peer is None:
            return _problem(404, "There is no such call.")
        try:
            status, kind, body = await anyio.to_thread.run_sync(
                peer.ask, request.method, request.scope["path"], abandon_on_cancel=True
            )
        except (OSError, HTTPException) as error:
            return _problem(502, f"The server of this call does not answer ({error}).")
        return Response(body, status, _HEADERS, media_type=kind or None)

    async def _twilio(self, socket: WebSocket) -> None:
        access, headers = self._access, socket.headers
        signed = access.twilio_signed(headers, socket.scope["path"], socket.scope["query_string"].decode("latin-1"))
        if access.asks_twilio and not signed:
            return await self._refuse(socket, "signature", "The signature of Twilio is missing or wrong.")
        tracks = socket.query_params.get("tracks")
        try:
            decoder = TwilioDecoder(None if tracks is None else tracks.split(","))
        except ProtocolError as error:
            return await self._refuse(socket, "query", str(error))
        allowed = signed or access.allows(headers, socket.query_params)
        await self._carry(socket, decoder, "twilio", allowed=allowed)

    async def _pcm(self, socket: WebSocket) -> None:
        query = socket.query_params
        if not self._access.allows(socket.headers, query):
            return await self._refuse(socket, "token", "The token is missing or wrong.")
        speakers = [name.strip() for name in query["speakers"].split(",")] if "speakers" in query else []
        try:
            rate, channels = _number(query.get("rate", "16000")), _number(query.get("channels", "1"))
            decoder = PcmDecoder(query.get("call", ""), rate, channels)
            _check_speakers(speakers, channels)
        except ProtocolError as error:
            return await self._refuse(socket, "query", str(error))
        await self._carry(socket, decoder, "pcm", speakers=speakers)

    async def _refuse(self, socket: WebSocket, reason: str, sentence: str) -> None:
        """Refuse a websocket before it is opened: with 403."""
        self._metrics.refuse(reason, sentence)
        await socket.send_denial_response(_problem(403, sentence))

    async def _carry(
        self, socket: WebSocket, decoder: Decoder, source: str, *, allowed: bool = True, speakers: Sequence[str] = ()
    ) -> None:
        with suppress(WebSocketDisconnect):  # `receive` tells of it
            await socket.accept()

        async def receive() -> bytes | str | End | None:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return End() if message.get("code") in (1000, 1001) else None
            text: str | None = message.get("text")
            data: bytes | None = message.get("bytes")
            if len(text or data or "") > self._lines.shared.limits.message_bytes:  # which Ray does not bound
                raise ProtocolError("A message is too long.")
            return data if text is None else text

        code, sentence = _OK, ""
        try:
            await self.media.carry(Stream(decoder, receive, source, allowed, speakers))
        except ProtocolError as error:
            code, sentence = _UNSUPPORTED, str(error)
        except StserError as error:
            code, sentence = _AGAIN_LATER if allowed else _POLICY, str(error)
        if code != _OK:
            self._metrics.refuse(source, sentence)
        with anyio.move_on_after(_SEND_PATIENCE_S):
            with suppress(RuntimeError, WebSocketDisconnect):  # it is closed already
                await socket.close(code, sentence.encode()[:120].decode(errors="ignore"))


class _EventStream(Response):
    """Follows the log of events until the reader goes, or falls behind."""

    def __init__(self, log: EventLog, after: int | None) -> None:
        super().__init__(headers=_EVENT_HEADERS, media_type="text/event-stream")
        del self.headers["content-length"]
        self._log = log
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        subscriber = self._log.subscribe(self._after)
        gone = asyncio.create_task(_until_gone(receive, subscriber.end))
        try:
            text: str | None = ": \n\n"
            while text is not None:
                with anyio.fail_after(_SEND_PATIENCE_S):
                    body = (text or ": \n\n").encode()
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                text = await subscriber.next(_HEARTBEAT_S)
            await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            scope["state"]["abort"]()  # closing would wait for the reader, who does not read
            await gone
        finally:
            self._log.leave(subscriber)
            gone.cancel()


def _is_direct(scope: Scope) -> bool:
    """Whether a request came to a socket of this process; else Ray has brought it."""
    return "abort" in scope.get("state", {})


async def _until_gone(receive: Receive, then: Callable[[], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    then()


def _rendered(path: Path) -> bytes:
    file = read_timeline(path)
    transcripts = any(turn.words is not None for turn in file.turns)
    return render(make_report(file.turns, file.notes, path.stem, transcripts=transcripts))


def _json(value: object, headers: dict[str, str]) -> Response:
    content = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return Response(content, media_type="application/json", headers={**_HEADERS, **headers})


def _problem(status: int, sentence: str) -> Response:
    return PlainTextResponse(sentence + "\n", status_code=status, headers=_HEADERS)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ProtocolError(f"'{text}' is not a number of at most nine digits.")
    return int(text)


def _check_speakers(speakers: Sequence[str], channels: int) -> None:
    if speakers and len(speakers) != channels:
        raise ProtocolError(f"{len(speakers)} speakers are named, but the sound has {channels} channels.")
    if not all(name.isprintable() and 0 < len(name) <= _LONGEST_NAME for name in speakers):
        raise ProtocolError(f"A speaker's name has to have 1 to {_LONGEST_NAME} printable characters.")
