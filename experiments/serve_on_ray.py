#!/usr/bin/env python3
"""Measures what calls cost on two servers that follow each other, directly, and on two replicas behind Ray Serve.

    PYTHONPATH=. python experiments/serve_on_ray.py direct|ray [CALLS] [SECONDS]

The calls are a real one, begun at different times, sent as Twilio does; the servers do all that they do. Prints CPU for
each second of a call, by process, and how long after the end of a turn its event comes. Needs ray[serve] and psutil.
Linux.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from urllib.request import urlopen

import psutil

from benchmarks.callers import Sound, Twilio
from benchmarks.serving import Serving

CALL = Path(__file__).parents[1] / "tests" / "data" / "calls" / "auto_repair_call_8k_stereo.flac"
WARM_S = 10.0
began: dict[str, float] = {}
late: list[float] = []


def follow(url: str) -> None:
    """Note how late turns are told."""
    with urlopen(f"{url}events", timeout=120) as answer:
        kind = ""
        for line in answer:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                kind = value
            elif name == "data" and kind == "turn":
                told = json.loads(value)
                started = began.get(told["call"].rpartition("-")[2])
                if started is not None and told["end_s"] > WARM_S:
                    late.append(time.monotonic() - started - told["end_s"])


async def call(socket: str, name: str, sound: Sound, first: int, seconds: float) -> None:
    """Send one call in real time, from some frame on."""
    await asyncio.sleep(0.3 * int(name.removeprefix("call")))  # of calls at the same instant Ray gives one replica more
    async with Twilio.call(socket, name, 2) as caller:
        began[name] = time.monotonic()
        for number in range(round(seconds * 50)):
            await caller.send(sound, (first + number) % sound.frames)
            await asyncio.sleep(max(0.0, began[name] + (number + 1) * 0.02 - time.monotonic()))
        await caller.hang_up()


def worked(roots: list[psutil.Process]) -> dict[str, float]:
    """Seconds of CPU of all processes, by their names; Ray's libraries among themselves by theirs."""
    seconds: dict[str, float] = defaultdict(float)
    for root in roots:
        for one in (root, *root.children(recursive=True)):
            words = " ".join(one.cmdline())
            name = words.split()[0] if words.startswith("ray::") else Path(words.split()[0]).name if words else one.name()
            seconds[f"{name} {one.pid}"] = sum(one.cpu_times()[:2])
    return seconds


def main() -> None:
    """Measure."""
    ray, count, seconds = sys.argv[1] == "ray", int((*sys.argv, 8)[2]), float((*sys.argv, 8, 40)[3])
    sound = Sound.read(CALL)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = []
        for number in range(1 if ray else 2):
            (own := folder / str(number)).mkdir()
            more = ("--ray", "auto", "--replicas", "2") if ray else (() if not servers else ("--peer", servers[0].url))
            servers.append(stack.enter_context(Serving(own, ("--asr", "none", *more))))
        if not ray:  # as replicas do, both follow each other
            servers[0].arguments = ("--asr", "none", "--peer", servers[1].url)
            servers[0].kill()
            servers[0].start()
        Thread(target=follow, args=(servers[-1].url,), daemon=True).start()
        roots = [psutil.Process(server.process.pid) for server in servers]

        async def calls() -> None:
            step = sound.frames // count
            await asyncio.gather(
                *(call(servers[n % len(servers)].sockets, f"call{n}", sound, n * step, seconds) for n in range(count))
            )

        sending = Thread(target=asyncio.run, args=(calls(),))
        sending.start()
        time.sleep(WARM_S)
        before, at = worked(roots), time.monotonic()
        time.sleep(seconds - WARM_S - 2)
        after, passed = worked(roots), time.monotonic() - at
        cost = {name: (after[name] - before.get(name, 0.0)) / passed / count for name in after}
        for name, each in sorted(cost.items(), key=lambda item: -item[1])[:6]:
            print(f"{1000 * each:6.1f} ms  {name}")
        sending.join()
        time.sleep(3)
        late.sort()
        middle, last = late[len(late) // 2], late[len(late) * 95 // 100]
        print(f"{1000 * sum(cost.values()):6.1f} ms for each second of a call; {len(late)} turns told {1e3 * middle:.0f} ms "
              f"after their end, p95 {1e3 * last:.0f} ms")


if __name__ == "__main__":
    main()
