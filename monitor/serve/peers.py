"""Other servers, whose calls are shown beside one's own: their events are followed as any program may follow them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException
from threading import Event, Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import Request

from monitor.serve.calls import forgettable
from monitor.serve.events import EventLog
from monitor.serve.security import checked, opener
from stser_core.errors import reason

_PATIENCE_S = 10.0
_SILENT_S = 45.0
"""Without calls, a server sends something every 15 s."""

_AGAIN_S = 2.0


class Peer:
    """One other server, followed in a thread of its own.

    Attributes:
        url: Its address.
        place: Its place among the replicas of one server, which this one is, too.
        reachable: Whether it is being followed.
        calls: Its calls by their names, as its `/calls` shows them, and its address as `server`; none while it cannot
            be reached. Those of its own peers are left out: servers may follow each other.
        now: The present state of those in progress, as its event `now` tells it.
    """

    def __init__(
        self, url: str, token: str | None, log: EventLog, say: Callable[[str], None], place: int | None = None
    ) -> None:
        """Prepare; `log` gets its events, under numbers of this server, `say` a sentence where it cannot be reached.

        Raises:
            UsageError: The address is not one of HTTP.
        """
        self.url = checked(url, "--peer", "http://10.0.0.2:8765", bare=True).rstrip("/")
        self.place = place
        self.reachable = False
        self.calls: dict[str, dict[str, Any]] = {}
        self.now: list[dict[str, Any]] = []
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._log = log
        self._say = say
        self._known: Callable[[str], bool] = lambda name: False
        self._closing = Event()

    def start(self, known: Callable[[str], bool]) -> None:
        """Follow it, but for calls that are `known` from elsewhere: it may be this server itself, or given twice."""
        self._known = known
        Thread(target=self._work, name="peer", daemon=True).start()

    def close(self) -> None:
        """Follow it no longer."""
        self._closing.set()

    def ask(self, method: str, path: str) -> tuple[int, str, bytes]:
        """The status, the type and the body of its answer; raises `OSError` where there is none."""
        try:
            try:
                answer = self._open(quote(path), method=method)
            except HTTPError as error:
                answer = error
            with answer:
                return answer.status, answer.headers.get("content-type", ""), answer.read()
        except HTTPException as error:
            raise OSError(reason(error)) from error

    async def events(self, after: int) -> AsyncGenerator[bytes, None]:
        """A replica's events from behind one of its own numbers, as it sends them; they end where it is lost."""
        address = urlsplit(self.url)
        headers = {"Host": address.netloc, **self._headers}
        head = [f"GET /events?after={after} HTTP/1.0", *(f"{name}: {value}" for name, value in headers.items())]
        with suppress(OSError, EOFError):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            try:
                writer.write("\r\n".join([*head, "", ""]).encode())
                await reader.readuntil(b"\r\n\r\n")
                while chunk := await reader.read(1 << 16):
                    yield chunk
            finally:
                writer.close()

    def _work(self) -> None:
        told = False
        while not self._closing.is_set():
            why = "it has ended"
            try:
                while self._follow():
                    pass
            except HTTPError as error:
                why = "it has another token" if error.code == HTTPStatus.UNAUTHORIZED else f"it answers {error.code}"
                error.close()
            except (LookupError, TypeError, ValueError):
                why = "it is another program, or another version"
            except (OSError, HTTPException) as error:
                cause = getattr(error, "reason", error)  # urllib's wraps the system's
                why = reason(cause) if isinstance(cause, BaseException) else str(cause)
            if self._closing.is_set():
                return
            if self.reachable or not told:
                self._say(f"the server at {self.url} cannot be followed ({why}); it is tried again every 2 s.")
            told, self.reachable = True, False
            self.calls, self.now = {}, []
            self._closing.wait(_AGAIN_S)

    def _follow(self) -> bool:
        """Learn its calls, and take its events until it ends; true where it is to be followed anew."""
        with self._open("/calls") as answer:
            after = int(answer.headers["last-event-id"])
            calls = [call for call in json.load(answer) if "server" not in call and not self._known(call["call"])]
        with self._open(f"/events?after={after}", _SILENT_S) as answer:
            self.calls = {call["call"]: {**call, "server": self.url} for call in calls}
            self.reachable = True
            for kind, values in _events(answer):
                if kind == "reset" or self._closing.is_set():
                    return not self._closing.is_set()
                self._take(kind, values)
        return False

    def _open(self, path: str, patience_s: float = _PATIENCE_S, method: str = "GET") -> Any:  # noqa: ANN401 (urllib's)
        return opener.open(Request(self.url + path, headers=self._headers, method=method), timeout=patience_s)

    def _take(self, kind: str, values: dict[str, Any]) -> None:
        if kind == "now":
            lines = [line for line in values["calls"] if "server" not in line and line["call"] in self.calls]
            self.now = [{**line, "server": self.url} for line in lines]
            for line in lines:
                self.calls[line["call"]]["position_s"] = line["position_s"]
            return
        if "server" in values:  # it tells of a call of one of its own peers
            return
        name, values = values["call"], {**values, "server": self.url}
        if kind == "call_started" and not self._known(name):
            counts = {"ended_at": None, "reason": None, "position_s": 0.0, "turns": 0, "alerts": 0, "unacknowledged": 0}
            channels = [{**channel, "emotion": None} for channel in values["channels"]]
            self.calls[name] = {**values, **counts, "channels": channels}
        if name in self.calls:
            _update(self.calls[name], kind, values)
            self._log.add(kind, values)
        if kind == "call_ended":
            self.now = [line for line in self.now if line["call"] != name]
            if name in self.calls:
                self.calls[name] = self.calls.pop(name)  # in the order in which they end
            ended = {name: call["unacknowledged"] for name, call in self.calls.items() if call["ended_at"] is not None}
            for old in forgettable(ended):
                del self.calls[old]


def _update(call: dict[str, Any], kind: str, values: dict[str, Any]) -> None:
    """Note in a call what an event tells of it; what it knew already changes nothing."""
    match kind:
        case "turn":
            call["turns"] = max(call["turns"], values["turn"])
            call["position_s"] = max(call["position_s"], values["end_s"])
            call["channels"][values["channel"] - 1]["emotion"] = values["emotion"]
        case "alert" if values["alert"] > call["alerts"]:
            call["alerts"] = values["alert"]
            call["unacknowledged"] += 1
        case "acknowledged":
            call["unacknowledged"] = max(0, call["unacknowledged"] - 1)
        case "call_ended":
            call |= {name: values[name] for name in ("ended_at", "reason", "position_s")}


def _events(lines: Iterable[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Events from `text/event-stream` (HTML standard, "Server-sent events"), as this program writes it."""
    kind = ""
    for line in lines:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)
