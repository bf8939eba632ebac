"""Twenty calls at once: some die without a word, some send rubbish, and the server is killed and started again."""

import asyncio
import contextlib
import json
import random
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.request import urlopen

from websockets import WebSocketException
from websockets.asyncio.client import connect

from benchmarks.callers import Played, Sound, play
from benchmarks.material import CALL
from benchmarks.serving import Serving
from monitor.timeline.file import read_timeline

CALLS, DYING, RUBBISH = 20, 5, 3
SILENT = 2
"""Of the dying calls, those whose connection stays open for as long again, without a sound."""
MOST_GROWTH_MB = 15.0
_BROKEN = (OSError, EOFError, WebSocketException)
"""What a client sees of a server that was killed or that refuses it."""


@dataclass
class Endured:
    """What came of it. The memory is that of the server that was started second, by the median."""

    told: int = 0  # finished turns of which the server told
    refused: int = 0  # connections with rubbish that the server ended
    settled_mb: float = 0.0  # its memory once all calls had gone on for a while
    growth_mb: float = 0.0  # by how much it grew from then on; single turns take some 30 MB for a moment
    most_mb: float = 0.0
    faults: list[str] = field(default_factory=list)


def endure(
    seconds: float, seed: int = 1, arguments: Sequence[str] = ("--asr", "none"), say: Callable[[str], None] = print
) -> Endured:
    """Call a server for so long, half of it before it is killed and half of it after it was started again."""
    with tempfile.TemporaryDirectory() as folder, Serving(Path(folder), arguments) as serving:
        clients = _Clients(serving, seconds / 2, random.Random(seed))
        asyncio.run(_endure(clients, say))
        return clients.found


async def _endure(clients: "_Clients", say: Callable[[str], None]) -> None:
    serving, seconds, found = clients.serving, clients.seconds, clients.found
    told: dict[str, list[int]] = defaultdict(list)  # finished turns, by call
    follower = _follow(serving, told)
    before = asyncio.create_task(clients.run("before", 2 * seconds))
    await asyncio.sleep(seconds)
    serving.kill()
    await before
    follower.join(2.0)
    say(f"killed after {sum(map(len, told.values()))} finished turns")
    _check_told(serving, told, found)
    await asyncio.to_thread(serving.start)
    follower = _follow(serving, told)
    watching = asyncio.create_task(_watch(serving, seconds, found))
    played = await clients.run("after", seconds)
    found.faults += [f"{name} was broken off: {one!r}" for name, one in played.items() if not isinstance(one, Played)]
    await watching
    with contextlib.suppress(TimeoutError):  # a call that fell silent is given up later; the good ones are written
        await serving.quiet()
    follower.join(2.0)
    found.told = sum(map(len, told.values()))
    say(f"{found.told} finished turns, {found.refused} connections with rubbish ended")
    _check_told(serving, told, found)
    if "Traceback" in serving.said:
        found.faults.append(f"the server wrote a traceback: {serving.said}")


class _Clients:
    """All that connects to the server."""

    def __init__(self, serving: Serving, seconds: float, draw: random.Random) -> None:
        self.serving, self.seconds, self._draw = serving, seconds, draw
        self.found = Endured()
        self._sound = Sound.read(CALL)

    async def run(self, when: str, seconds: float) -> dict[str, Played | Exception]:
        """Run all to their end, or until the server is killed; how the good calls went, or why they were broken off."""
        good = [f"{when}-good-{place}" for place in range(CALLS - DYING - RUBBISH)]
        ended = asyncio.Event()
        rubbish = [asyncio.create_task(self._send_rubbish(place, ended)) for place in range(RUBBISH)]
        dying = [
            self._call(f"{when}-dying-{place}", place, self._draw.uniform(0.1, 0.4) * seconds, dies=True)
            for place in range(DYING)
        ]
        played = await asyncio.gather(*(self._call(name, place, seconds) for place, name in enumerate(good)), *dying)
        ended.set()
        await asyncio.gather(*rubbish)
        return dict(zip(good, played, strict=False))

    async def _call(self, name: str, place: int, seconds: float, *, dies: bool = False) -> Played | Exception:
        try:
            async with self.serving.call(place, name) as caller:
                played = await play(caller, self._sound, seconds)
                if dies:
                    await asyncio.sleep(seconds if place < SILENT else 0.0)
                    caller.die()
                else:
                    await caller.hang_up()
                return played
        except _BROKEN as error:
            return error

    async def _send_rubbish(self, place: int, ended: asyncio.Event) -> None:
        """Connect again and again, and send what no telephone system would."""
        draw, sockets = self._draw, self.serving.sockets
        while not ended.is_set():
            try:
                if place == 0:
                    await _rubbish_socket(f"{sockets}/media/twilio", draw)
                elif place == 1:
                    query = f"rate={draw.choice(['8000', '0', 'x', '-1'])}&channels={draw.choice(['1', '2', '99'])}"
                    await _rubbish_socket(f"{sockets}/media/pcm?{query}", draw)
                else:
                    await _rubbish_tcp(self.serving.audiosocket, draw)
            except _BROKEN:
                self.found.refused += 1
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(ended.wait(), 0.2)


async def _rubbish_socket(url: str, draw: random.Random) -> None:
    start = {"streamSid": "MZ1", "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}}
    async with connect(url, compression=None, close_timeout=1) as socket:
        for _ in range(draw.randint(1, 30)):
            kinds: list[str | bytes] = [
                draw.randbytes(draw.randint(0, 400)),
                json.dumps({"event": "start", "start": start}),
                json.dumps({"event": "media", "media": {"payload": "!" * draw.randint(0, 99), "timestamp": "-1e99"}}),
                json.dumps({"event": draw.choice(["stop", "media", "", None])}),
                "[" * draw.randint(1, 2000),
            ]
            await socket.send(draw.choice(kinds))


async def _rubbish_tcp(port: int, draw: random.Random) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for _ in range(draw.randint(1, 30)):
            writer.write(draw.randbytes(draw.randint(1, 400)))
            await writer.drain()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(reader.read(), 0.2)
    finally:
        writer.close()


def _follow(serving: Serving, told: dict[str, list[int]]) -> threading.Thread:
    """Collect the finished turns of which the server's events tell, until it goes."""
    answer = urlopen(f"{serving.url}events", timeout=60)

    def read() -> None:
        kind = b""
        with contextlib.suppress(OSError, ValueError):
            for line in answer:
                name, _, value = line.strip().partition(b": ")
                if name == b"event":
                    kind = value
                elif name == b"data" and kind == b"turn":
                    turn = json.loads(value)
                    told[turn["call"]].append(turn["turn"])

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


async def _watch(serving: Serving, seconds: float, found: Endured) -> None:
    memory_mb = []
    for _ in range(30):
        await asyncio.sleep(seconds / 30)
        memory_mb.append(serving.memory_mb())
    found.settled_mb, found.most_mb = median(memory_mb[12:21]), max(memory_mb)
    found.growth_mb = median(memory_mb[21:]) - found.settled_mb


def _check_told(serving: Serving, told: dict[str, list[int]], found: Endured) -> None:
    """All turns of which the server told are in both of the call's files."""
    for call, turns in told.items():
        for kind in ("csv", "jsonl"):
            written = {turn.turn for turn in read_timeline(serving.folder / f"{call}.{kind}").turns}
            if lost := set(turns) - written:
                found.faults.append(f"{call}.{kind} lacks the finished turns {sorted(lost)}")
