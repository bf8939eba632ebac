"""The page of live lines in a real browser, and a server whose lines a test has happen."""

import json
import threading
from socket import create_server
from urllib.parse import quote

import pytest

pytest.importorskip("uvicorn")

from browsing import Visit, visiting
from waiting import wait_until

from monitor.roles import Role
from monitor.serve.calls import Call
from monitor.serve.events import EventLog
from monitor.serve.lines import Lines, Shared
from monitor.serve.metrics import Metrics
from monitor.serve.security import Access
from monitor.serve.server import Server
from monitor.timeline.turn import COLUMNS
from stser_core.emotions import LABELS

STARTED = "2026-11-29T10:00:00.000+00:00"
CUSTOMER, AGENT = Role("customer"), Role("agent", scored=False)


def spread(emotion, share=0.7):
    """Probabilities of which one emotion has most."""
    rest = (1 - share) / 3
    return {f"p_{label}": share if label == emotion else rest for label in LABELS}


class Told:
    """A server without lines, which is told by a test what happens on them."""

    def __init__(self, folder):
        self.lines = Lines(Shared(folder, scorer=None, transcriber=None, log=EventLog(), metrics=Metrics(print)))
        self.lines.path = lambda name: folder / f"{quote(name, safe='')}.jsonl"
        self.log, self.last = self.lines.shared.log, {}
        self.open()

    def open(self, port=0, token=None):
        listening = create_server(("127.0.0.1", port))
        self.port = listening.getsockname()[1]
        self._server = Server(self.lines, Access(token), sockets=[listening])
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        wait_until(lambda: self._server.started)

    def close(self):
        """Go away, and every connection with it."""
        self._server.stop()
        self._thread.join()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    @property
    def acknowledged(self):
        return [(call.name, alert) for call in self.lines.calls() for alert in sorted(call.acknowledged)]

    def begin(self, call, *, channels=(CUSTOMER, AGENT), source="twilio", started_at=STARTED):
        known = Call(call, source, started_at, channels, emotions=[None] * len(channels))
        self.lines._calls[call] = known
        self.lines.path(call).touch()
        values = {"call": call, "source": source, "started_at": started_at, "channels": known.channels()}
        self.log.add("call_started", values)

    def turn(self, call, start_s, end_s, emotion, transcript="", *, channel=1, share=0.7):
        known = self.lines.find(call)
        known.turns += 1
        known.position_s = max(known.position_s, end_s)
        known.emotions[channel - 1] = emotion
        about = {"channel": channel, "speaker": known.roles[channel - 1].speaker, "turn": known.turns}
        scores = spread(emotion, share) if emotion else {f"p_{label}": None for label in LABELS}
        judged = {"emotion": emotion, "confidence": share if emotion else None, "transcript": transcript, **scores}
        self.last[call] = {**dict.fromkeys(COLUMNS), "recording": call, **about, "start_s": start_s, "end_s": end_s}
        self.last[call] |= {"dropped_ms": 0, **judged}
        self._keep("turn", call, self.last[call])

    def alert(self, call, rule="angry>0.6 for 2 turns"):
        known, turn = self.lines.find(call), self.last[call]
        known.alerts += 1
        about = {name: turn[name] for name in ("channel", "speaker", "turn")}
        values = {"type": "alert", "rule": rule, "time_s": turn["end_s"], "emotion": "angry", "probability": 0.71}
        self._keep("alert", call, {**values, **about}, alert=known.alerts)

    def now(self, *states, unreachable=()):
        """Tell the state of calls: name, position, words of channel 1 (`None` where nobody speaks), emotion."""
        calls = []
        for name, position_s, words, emotion in states:
            speaking = words is not None
            one = {"channel": 1, "level_dbfs": -20.0 if speaking else -70.0, "words": words or ""}
            one |= {"since_s": position_s - 2 if speaking else None, "emotion": emotion}
            one |= spread(emotion) if emotion else {f"p_{label}": None for label in LABELS}
            calls.append({"call": name, "position_s": position_s, "dropped_ms": 0, "channels": [one]})
        self._server.app.loop.call_soon_threadsafe(self.log.show, {"calls": calls, "unreachable": unreachable})

    def end(self, call, reason="ended", ended_at="2026-11-29T10:05:00.000+00:00"):
        known = self.lines.find(call)
        known.ended_at, known.reason = ended_at, reason
        about = {name: known.values()[name] for name in ("call", "ended_at", "reason", "position_s", "turns")}
        self.log.add("call_ended", {**about, "report": f"/calls/{call}/report"})

    def _keep(self, kind, call, values, **further):
        with self.lines.path(call).open("a") as file:
            file.write(json.dumps(values) + "\n")
        self.log.add(kind, {"call": call, **further, **values})


class LivePage(Visit):
    """The page of all lines."""

    def names(self):
        """The lines in progress, from top to bottom."""
        return self.page.locator("#lines .lane .name").all_text_contents()

    def lane(self, call):
        return self.page.locator("#lines .lane", has=self.page.get_by_text(call, exact=True))

    def focused(self):
        return self.page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.id")


@pytest.fixture
def server(tmp_path):
    told = Told(tmp_path)
    yield told
    told.close()


@pytest.fixture
def visit(browser, server):
    """Open the page; whatever it asks of anybody else, and every complaint, fails the test."""
    with visiting(browser, LivePage, server.url, "blob:", viewport={"width": 1280, "height": 900}) as open_page:

        def open_live(**options):
            opened = open_page(server.url, **options)
            opened.until("stream?.readyState === 1")
            return opened

        yield open_live
