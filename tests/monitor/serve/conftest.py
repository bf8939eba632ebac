"""A server in this process: real sockets, the real pipeline, a small untrained model."""

import asyncio
import csv
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server
from threading import Thread

import pytest
from waiting import wait_until

from benchmarks.callers import Sound
from monitor.alerts import parse
from monitor.transcribers import NoTranscriber


@dataclass
class Served:
    """A server that runs."""

    folder: Path  # where it writes
    port: int  # of HTTP
    audiosocket: int  # the port of AudioSocket
    said: list[str]  # what it told its user
    token: str | None
    peers: list  # the servers whose calls it shows
    lines: object
    server: object
    thread: Thread

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self):
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

    def follow(self, *urls):
        """Show the calls of other servers, too."""
        from monitor.serve.peers import Peer

        self.peers += [Peer(url, self.token, self.lines.shared.log, self.said.append) for url in urls]
        self.server.follow(self.peers)

    def stop(self):
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


@pytest.fixture(scope="session")
def call(data):
    """The first 40 s of a real call of two parties."""
    return Sound(Sound.read(data / "calls" / "auto_repair_call_8k_stereo.flac").samples[:, : 40 * 8_000])


@pytest.fixture
def serving(tmp_path, recognizer):
    """Start a server: `serving(token=…, limits={…}, rules=[…])`; sound may come as fast as it is taken."""
    pytest.importorskip("uvicorn")
    from monitor.serve.events import EventLog
    from monitor.serve.lines import Lines, Shared
    from monitor.serve.metrics import Metrics
    from monitor.serve.security import Access, Limits
    from monitor.serve.server import Server
    from monitor.serve.shared_models import Processors, SharedScorer

    running = []

    def start(
        folder="timelines", *, token=None, twilio_token=None, limits=None, rules=(), peers=(), port=0, transcriber=None
    ):
        said, folder = [], tmp_path / folder
        folder.mkdir(exist_ok=True)
        shared = Shared(
            folder=folder,
            scorer=SharedScorer(recognizer, 2, Processors(2)),
            transcriber=transcriber or NoTranscriber(),
            log=EventLog(),
            metrics=Metrics(said.append),
            limits=replace(Limits(lead_s=1e9, messages_per_s=1e9, burst=10**9), **(limits or {})),
            rules=tuple(map(parse, rules)),
        )
        lines = Lines(shared)
        web, sound = create_server(("127.0.0.1", port)), create_server(("127.0.0.1", 0))
        server = Server(lines, Access(token, twilio_token), sockets=[web], audiosocket=sound)
        thread = Thread(target=server.run, daemon=True)
        ports = web.getsockname()[1], sound.getsockname()[1]
        running.append(Served(folder, *ports, said, token, [], lines, server, thread))
        thread.start()
        wait_until(lambda: server.started)
        running[-1].follow(*peers)
        return running[-1]

    yield start
    for served in running:
        served.stop()


@pytest.fixture
def asynchronous():
    """A function that runs a client in a thread of its own, since another test may keep an event loop."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda coroutine: pool.submit(asyncio.run, coroutine).result()


@pytest.fixture(scope="session")
def table():
    """A function that reads a CSV timeline, without what differs between a live call and a recording."""

    def read(path):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        return [{name: value for name, value in row.items() if name not in ("recording", "started_at")} for row in rows]

    return read


@pytest.fixture
def receiver():
    """Another program: it answers with the statuses that it is given, then with 204, and keeps what came."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            came = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.came.append((self.path, self.headers["X-Stser-Signature"], came))
            status = server.answers.pop(0) if server.answers else 204
            time.sleep(server.delay_s)
            self.send_response(status)
            about = {"Location": "/elsewhere", "Last-Event-ID": "1", "Content-Length": str(len(server.body))}
            for name, value in about.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(server.body)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.url, server.came, server.answers = f"http://127.0.0.1:{server.server_port}", [], []
    server.body, server.delay_s = b"", 0.0
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
