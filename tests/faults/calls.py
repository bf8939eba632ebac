"""Twenty calls at once: some die without a word, some send rubbish, and the server is killed and started again."""

import asyncio
import contextlib
import json
import random
import tempfile
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.request import urlopen

from websockets import WebSocketException
from websockets.asyncio.client import connect

from benchmarks.callers import AudioSocket, Caller, Pcm, Played, Sound, Twilio, play
from benchmarks.material import CALL
from benchmarks.serving import Serving
from monitor.timeline.file import read_timeline

BEFORE, AFTER = "before", "after"
CALLS, DYING, RUBBISH = 20, 5, 3
SILENT = 2
"""Of the dying calls, those whose connection stays open for as long again, without a sound."""
_MOST_GROWTH_MB = 15.0
_SETTLED, _LATER = 0.4, 0.7
_BROKEN = (OSError, EOFError, WebSocketException)
"""What a client sees of a server that was killed or that refuses it."""


@dataclass
class Endured:
    """What came of it.

    Attributes:
        told: How many finished turns the server told of.
        refused: How many connections with rubbish were ended by the server.
        memory_mb: Of the server that was started second, over its time.
    """

    told: int = 0
    refused: int = 0
    memory_mb: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def settled_mb(self) -> float:
        """The server's memory, by the median, once all calls had gone on for a while."""
        return self._median_mb(_SETTLED, _LATER)

    @property
    def growth_mb(self) -> float:
        """By how much it grew from then on, by the median: single turns take some 30 MB for a moment."""
        return self._median_mb(_LATER, 1) - self.settled_mb

    @property
    def constant(self) -> bool:
        """Whether it stayed where it was."""
        return self.growth_mb <= _MOST_GROWTH_MB

    def _median_mb(self, start: float, end: float) -> float:
        count = len(self.memory_mb)
        return median(self.memory_mb[round(start * count) : round(end * count)])


def endure(
    seconds: float, seed: int = 1, arguments: Sequence[str] = ("--asr", "none"), say: Callable[[str], None] = print
) -> Endured:
    """Call a server for so long, half of it before it is killed and half of it after it was started again."""
    with tempfile.TemporaryDirectory() as folder:
        sound = Sound.read(CALL)
        with Serving(Path(folder), arguments) as serving:
            return asyncio.run(_endure(serving, sound, seconds / 2, random.Random(seed), say))


async def _endure(
    serving: Serving, sound: Sound, seconds: float, draw: random.Random, say: Callable[[str], None]
) -> Endured:
    found, told = Endured(), _Told()
    told.follow(serving)
    before = asyncio.create_task(_clients(serving, sound, 2 * seconds, draw, found, BEFORE))
    await asyncio.sleep(seconds)
    serving.kill()
    await before
    told.end()
    say(f"killed after {sum(map(len, told.turns.values()))} finished turns")
    _check_told(serving, told, found)
    await asyncio.to_thread(serving.start)
    told.follow(serving)
    watching = asyncio.create_task(_watch(serving, seconds, found))
    await _clients(serving, sound, seconds, draw, found, AFTER)
    await watching
    await _quiet(serving)
    told.end()
    found.told = sum(map(len, told.turns.values()))
    say(f"{found.told} finished turns, {found.refused} connections with rubbish ended")
    _check_told(serving, told, found)
    if "Traceback" in serving.said:
        found.faults.append(f"the server wrote a traceback: {serving.said}")
    return found


async def _clients(
    serving: Serving, sound: Sound, seconds: float, draw: random.Random, found: Endured, when: str
) -> None:
    """Run all clients to their end, or until the server is killed."""
    good = [f"{when}-good-{place}" for place in range(CALLS - DYING - RUBBISH)]
    ended = asyncio.Event()
    rubbish = [asyncio.create_task(_send_rubbish(serving, place, draw, ended, found)) for place in range(RUBBISH)]
    dying = [
        _call(serving, f"{when}-dying-{place}", place, sound, draw.uniform(0.1, 0.4) * seconds, dies=True)
        for place in range(DYING)
    ]
    calls = [_call(serving, name, place, sound, seconds) for place, name in enumerate(good)]
    played = await asyncio.gather(*calls, *dying)
    ended.set()
    if when == AFTER:
        broken = [(name, one) for name, one in zip(good, played, strict=False) if not isinstance(one, Played)]
        found.faults += [f"{name} was broken off: {one!r}" for name, one in broken]
    await asyncio.gather(*rubbish)


async def _call(
    serving: Serving, name: str, place: int, sound: Sound, seconds: float, *, dies: bool = False
) -> Played | Exception:
    """One call of one of the three kinds: how it went, or why it was broken off."""
    try:
        async with contextlib.AsyncExitStack() as stack:
            caller: Caller
            if place % 3 == 0:
                caller = await stack.enter_async_context(Twilio.call(serving.sockets, name))
            elif place % 3 == 1:
                caller = await stack.enter_async_context(Pcm.call(serving.sockets, name))
            else:
                caller = await stack.enter_async_context(
                    AudioSocket.call("127.0.0.1", serving.audiosocket, uuid.uuid4())
                )
            played = await play(caller, sound, seconds)
            if dies:
                await asyncio.sleep(seconds if place < SILENT else 0.0)
                caller.die()
            else:
                await caller.hang_up()
            return played
    except _BROKEN as error:
        return error


async def _send_rubbish(
    serving: Serving, place: int, draw: random.Random, ended: asyncio.Event, found: Endured
) -> None:
    """Connect again and again, and send what no telephone system would."""
    while not ended.is_set():
        try:
            if place == 0:
                await _rubbish_socket(f"{serving.sockets}/media/twilio", draw)
            elif place == 1:
                query = f"rate={draw.choice(['8000', '0', 'x', '-1'])}&channels={draw.choice(['1', '2', '99'])}"
                await _rubbish_socket(f"{serving.sockets}/media/pcm?{query}", draw)
            else:
                await _rubbish_tcp(serving.audiosocket, draw)
        except _BROKEN:
            found.refused += 1
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
        await asyncio.wait_for(reader.read(), 0.2)
    except asyncio.TimeoutError:
        pass
    finally:
        writer.close()


class _Told:
    """The finished turns of which the server told, by call."""

    def __init__(self) -> None:
        self.turns: dict[str, list[int]] = defaultdict(list)
        self._thread: threading.Thread | None = None

    def follow(self, serving: Serving) -> None:
        """Read the server's events until it goes."""
        answer = urlopen(f"{serving.url}events", timeout=60)
        self._thread = threading.Thread(target=self._read, args=(answer,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Wait a moment for what is on its way."""
        assert self._thread is not None
        self._thread.join(2.0)

    def _read(self, answer: object) -> None:
        kind = ""
        with contextlib.suppress(OSError, ValueError):
            for line in answer:  # type: ignore[attr-defined]
                if line.startswith(b"event: "):
                    kind = line[7:].strip().decode()
                elif line.startswith(b"data: ") and kind == "turn":
                    turn = json.loads(line[6:])
                    self.turns[turn["call"]].append(turn["turn"])


async def _watch(serving: Serving, seconds: float, found: Endured) -> None:
    for _ in range(30):
        await asyncio.sleep(seconds / 30)
        found.memory_mb.append(serving.memory_mb())


async def _quiet(serving: Serving) -> None:
    """Wait until the good calls are written; one that fell silent is given up by the server later."""
    for _ in range(300):
        if (await asyncio.to_thread(serving.metrics))["stser_lines"] == 0:
            return
        await asyncio.sleep(0.1)


def _check_told(serving: Serving, told: _Told, found: Endured) -> None:
    """All turns of which the server told are in both of the call's files."""
    for call, turns in told.turns.items():
        for kind in ("csv", "jsonl"):
            written = {turn.turn for turn in read_timeline(serving.folder / f"{call}.{kind}").turns}
            if lost := set(turns) - written:
                found.faults.append(f"{call}.{kind} lacks the finished turns {sorted(lost)}")
