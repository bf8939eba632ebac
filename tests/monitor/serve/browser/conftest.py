"""The page of live lines in a real browser, and a server that tells it what a test has happen."""

from __future__ import annotations

import json
import queue
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from monitor.serve.page import page
from stser_core.emotions import LABELS

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

SOON_S = 20.0
STARTED = "2026-11-29T10:00:00.000+00:00"
CUSTOMER = {"channel": 1, "speaker": "customer", "scored": True}
AGENT = {"channel": 2, "speaker": "agent", "scored": False}


def spread(emotion, share=0.7):
    """Probabilities of which one emotion has most."""
    rest = (1 - share) / 3
    return {f"p_{label}": share if label == emotion else rest for label in LABELS}


class Scripted:
    """Answers as `stser-monitor serve` does; what happens on its lines is told by a test."""

    def __init__(self):
        self.calls, self.acknowledged, self.asked = {}, [], []
        self._log, self._readers, self._lock = [], [], threading.Lock()
        self._number = 1_000
        self.open()

    def open(self, port=0):
        told = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                told.get(self)

            def do_POST(self):
                told.post(self)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_):
                pass

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def close(self):
        """Go away, and every connection with it."""
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            readers, self._readers = self._readers, []
        for reader in readers:
            reader.put(None)

    # What a test has happen

    def tell(self, kind, numbered=True, **values):
        with self._lock:
            head = ""
            if numbered:
                self._number += 1
                head = f"id: {self._number}\n"
            text = f"{head}event: {kind}\ndata: {json.dumps(values)}\n\n".encode()
            if numbered:
                self._log.append((self._number, text))
            for reader in self._readers:
                reader.put(text)

    def begin(self, call, *, channels=(CUSTOMER, AGENT), source="twilio", started_at=STARTED):
        about = {"call": call, "source": source, "started_at": started_at, "channels": list(channels)}
        self.calls[call] = {**about, "ended_at": None, "reason": None, "position_s": 0.0, "turns": [], "alerts": []}
        self.tell("call_started", **about)

    def turn(self, call, start_s, end_s, emotion, transcript="", *, channel=1, share=0.7):
        known = self.calls[call]
        speaker = next(each["speaker"] for each in known["channels"] if each["channel"] == channel)
        number = len(known["turns"]) + 1
        scores = spread(emotion, share) if emotion else {f"p_{label}": None for label in LABELS}
        about = {"channel": channel, "speaker": speaker, "turn": number, "start_s": start_s, "end_s": end_s}
        told = {**about, "emotion": emotion, "confidence": share if emotion else None, "transcript": transcript}
        known["turns"].append({**told, **scores})
        known["position_s"] = max(known["position_s"], end_s)
        self.tell("turn", call=call, **told, **scores)

    def alert(self, call, rule="angry>0.6 for 2 turns"):
        known = self.calls[call]
        turn, number = known["turns"][-1], len(known["alerts"]) + 1
        told = {"alert": number, "type": "alert", "rule": rule, "time_s": turn["end_s"], "channel": turn["channel"]}
        told |= {"speaker": turn["speaker"], "turn": turn["turn"], "emotion": "angry", "probability": 0.71}
        known["alerts"].append({**told, "acknowledged": False})
        self.tell("alert", call=call, **told)

    def now(self, *states):
        """Tell the state of calls: name, position, words of channel 1 (`None` where nobody speaks), emotion."""
        calls = []
        for name, position_s, words, emotion in states:
            speaking = words is not None
            one = {"channel": 1, "level_dbfs": -20.0 if speaking else -70.0, "words": words or ""}
            one |= {"since_s": position_s - 2 if speaking else None, "emotion": emotion}
            one |= spread(emotion) if emotion else {f"p_{label}": None for label in LABELS}
            calls.append({"call": name, "position_s": position_s, "dropped_ms": 0, "channels": [one]})
        self.tell("now", numbered=False, calls=calls)

    def end(self, call, reason="ended"):
        known = self.calls[call]
        known |= {"ended_at": "2026-11-29T10:05:00.000+00:00", "reason": reason}
        about = {"ended_at": known["ended_at"], "reason": reason, "turns": len(known["turns"])}
        self.tell("call_ended", call=call, **about, report=f"/calls/{call}/report")

    # What a browser asks

    def get(self, request):
        address = urlsplit(request.path)
        self.asked.append(request.path)
        parts = [unquote(part) for part in address.path.split("/")[1:]]
        match parts:
            case [""]:
                self._answer(request, page(), "text/html")
            case ["calls"]:
                self._answer(request, json.dumps([listed(call) for call in self.calls.values()]).encode())
            case ["calls", name] if name in self.calls:
                self._answer(request, json.dumps(self.calls[name]).encode())
            case ["calls", name, "report"]:
                self._answer(request, f"<!doctype html><title>{len(name)}</title>".encode(), "text/html")
            case ["events"]:
                given = request.headers.get("Last-Event-ID") or parse_qs(address.query).get("after", [None])[0]
                self._stream(request, given)
            case _:
                request.send_error(404)

    def post(self, request):
        self.asked.append(request.path)
        match [unquote(part) for part in urlsplit(request.path).path.split("/")[1:]]:
            case ["calls", name, "alerts", number, "acknowledge"]:
                self.calls[name]["alerts"][int(number) - 1]["acknowledged"] = True
                self.acknowledged.append((name, int(number)))
                request.send_response(204)
                request.end_headers()
                self.tell("acknowledged", call=name, alert=int(number))

    def _answer(self, request, body, kind="application/json"):
        request.send_response(200)
        for name, value in (("Content-Type", kind), ("Content-Length", len(body)), ("Last-Event-ID", self._number)):
            request.send_header(name, str(value))
        request.end_headers()
        request.wfile.write(body)

    def _stream(self, request, after):
        request.close_connection = True
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.end_headers()
        reader = queue.Queue()
        with self._lock:
            missed = [text for number, text in self._log if after is not None and number > int(after)]
            self._readers.append(reader)
        with suppress(OSError):
            request.wfile.write(b": \n\n" + b"".join(missed))
            while (text := reader.get()) is not None:
                request.wfile.write(text)


def listed(call):
    waiting = sum(not alert["acknowledged"] for alert in call["alerts"])
    return {**call, "turns": len(call["turns"]), "alerts": len(call["alerts"]), "unacknowledged": waiting}


@dataclass
class Visit:
    """An open page, and what it asked for and complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def until(self, condition):
        # Playwright's own waiting evaluates a string in the page, which the page's policy forbids.
        deadline = monotonic() + SOON_S
        while not self.page.evaluate(f"Boolean({condition})"):
            assert monotonic() < deadline, condition
            self.page.wait_for_timeout(20)

    def names(self):
        """The lines in progress, from top to bottom."""
        return self.page.locator("#lines .lane .name").all_inner_texts()

    def lane(self, call) -> Locator:
        return self.page.locator("#lines .lane", has=self.page.get_by_text(call, exact=True))

    def focused(self):
        return self.page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.id")


@pytest.fixture
def server():
    scripted = Scripted()
    yield scripted
    scripted.close()


@pytest.fixture
def visit(browser, server):
    """Open the page; whatever it asks of anybody else, and every complaint, fails the test."""
    visits = []

    def open_page(**options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        opened = Visit(context.new_page())
        visits.append((context, opened))
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("console", lambda message: opened.complaints.append(message.text))
        opened.page.goto(server.url)
        opened.until("stream?.readyState === 1")
        return opened

    yield open_page
    for context, opened in visits:
        context.close()
        assert [url for url in opened.requests if not url.startswith((server.url, "blob:"))] == []
        assert opened.complaints == []
