"""A server in this process: real sockets, the real pipeline, a small untrained model."""

import asyncio
import json
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from socket import create_server
from threading import Thread

import pytest
from waiting import wait_until

from monitor.alerts.rules import parse
from monitor.transcribers import NoTranscriber


@dataclass
class Served:
    """A server that runs.

    Attributes:
        folder: Where it writes.
        port: That of HTTP.
        audiosocket: That of AudioSocket.
        said: What it told its user.
        token: What it asks for.
        peers: The servers whose calls it shows.
    """

    folder: Path
    port: int
    audiosocket: int
    said: list[str]
    lines: object
    token: str | None
    peers: list
    server: object
    thread: Thread

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def ask(self, path, method="GET", **headers):
        """The status, the headers and the body of an answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def follow(self, url):
        """Show the calls of another server, too."""
        from monitor.serve.peers import Peer

        self.peers.append(Peer(url, self.token, self.lines.shared.log, self.said.append))
        self.server.follow(list(self.peers))

    def stop(self):
        """End it."""
        if self.thread.is_alive():
            self.server.stop()
            self.thread.join(10)
        assert not self.thread.is_alive()

    def calls(self):
        return json.loads(self.ask("/calls", Authorization=f"Bearer {self.token}")[2])

    def ended(self, count=1, patience_s=60):
        """The calls, as soon as so many have ended."""
        wait_until(lambda: sum(call["ended_at"] is not None for call in self.calls()) >= count, patience_s)
        return self.calls()

    def rows(self, call):
        """A call's turns and alerts, as its file has them."""
        return [json.loads(line) for line in (self.folder / f"{call}.jsonl").read_text().splitlines()]


@pytest.fixture(scope="session")
def recognizer(scratch_checkpoint):
    from stser_core import EmotionRecognizer

    return EmotionRecognizer.load(scratch_checkpoint)


@pytest.fixture
def serving(tmp_path, recognizer):
    """Start a server: `serving(token=…, limits={…}, rules=[…])`; sound may come as fast as it is taken."""
    pytest.importorskip("uvicorn")
    from monitor.serve.events import EventLog
    from monitor.serve.lines import Lines, Shared
    from monitor.serve.metrics import Metrics
    from monitor.serve.peers import Peer
    from monitor.serve.security import Access, Limits
    from monitor.serve.server import Server
    from monitor.serve.shared_models import Processors, SharedScorer

    running = []

    def start(*, token=None, twilio_token=None, limits=None, rules=(), folder="timelines", peers=(), port=0, **shared):
        said = []
        bounds = replace(Limits(lead_s=1e9, messages_per_s=1e9, burst=10**9), **(limits or {}))
        folder = tmp_path / folder
        folder.mkdir(exist_ok=True)
        common = Shared(
            folder=folder,
            scorer=SharedScorer(recognizer, 2, Processors(2)),
            transcriber=shared.pop("transcriber", NoTranscriber()),
            log=EventLog(),
            metrics=Metrics(said.append),
            limits=bounds,
            rules=tuple(map(parse, rules)),
            **shared,
        )
        lines = Lines(common)
        web, sound = create_server(("127.0.0.1", port)), create_server(("127.0.0.1", 0))
        others = [Peer(url, token, common.log, said.append) for url in peers]
        server = Server(lines, Access(token, twilio_token), sockets=[web], audiosocket=sound)
        server.follow(others)
        thread = Thread(target=server.run, daemon=True)
        ports = web.getsockname()[1], sound.getsockname()[1]
        served = Served(folder, *ports, said, lines, token, others, server, thread)
        thread.start()
        wait_until(lambda: server.started)
        running.append(served)
        return served

    yield start
    for served in running:
        served.stop()


def run(coroutine):
    """Run a client in a thread of its own, since another test of the process may keep an event loop."""
    result: Future = Future()

    def work():
        try:
            result.set_result(asyncio.run(coroutine))
        except BaseException as error:  # noqa: BLE001  told where it is waited for
            result.set_exception(error)

    thread = Thread(target=work)
    thread.start()
    thread.join()
    return result.result()


@pytest.fixture
def asynchronous():
    return partial(run)
