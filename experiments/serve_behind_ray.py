#!/usr/bin/env python3
"""Measures what it costs to bring the messages of calls to two servers: directly, by nginx, or by Ray Serve.

    python experiments/serve_behind_ray.py direct|nginx|ray [CALLS]

The servers only read the messages: two tracks of 20 ms, as Twilio sends them. Prints CPU for each second of a call, by
process, and how late a message comes. With RAY_SERVE_ENABLE_HA_PROXY=1 Ray uses HAProxy instead of its own proxy.
Needs ray[serve], psutil, uvicorn, websockets, and nginx. Linux.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

SECONDS = 20.0
PORT, BEHIND = 9910, (9911, 9912)
LATE = Path(tempfile.gettempdir()) / "serve_behind_ray.late"
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.err; events {{}}
http {{ access_log off; upstream calls {{ least_conn; {servers} }}
server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://calls; proxy_http_version 1.1;
proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_buffering off; }} }} }}
"""


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Take messages, and note how late they come."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": message["type"] + ".complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await receive()
    await send({"type": "websocket.accept"})
    late = []
    while (message := await receive())["type"] != "websocket.disconnect":
        late.append(time.time() - json.loads(message["text"])["sent"])
    with LATE.open("a") as file:
        file.writelines(f"{seconds}\n" for seconds in late)


class App:
    """The same as an object, which Ray tells from a function that makes one."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take messages."""
        await app(scope, receive, send)


async def call(port: int) -> None:
    """Send one call in real time."""
    from websockets.asyncio.client import connect

    media = {"payload": base64.b64encode(bytes(160)).decode()}
    async with connect(f"ws://127.0.0.1:{port}/media", compression=None) as socket:
        began = time.time()
        for chunk in range(round((SECONDS + 10) * 50)):
            for track in ("inbound", "outbound"):
                told = {"event": "media", "sent": time.time(), "media": {**media, "track": track, "chunk": str(chunk)}}
                await socket.send(json.dumps(told))
            await asyncio.sleep(max(0.0, began + chunk * 0.02 - time.time()))


async def calls(port: int, count: int) -> None:
    """Send so many at once."""
    await asyncio.gather(*(call(port) for _ in range(count)))


def measure(processes: Callable[[], list[psutil.Process]], port: int, count: int) -> None:
    """Print the CPU of processes while calls are sent."""
    LATE.unlink(missing_ok=True)
    sender = subprocess.Popen([sys.executable, __file__, "send", str(port), str(count)])
    time.sleep(5)
    before = {one.pid: sum(one.cpu_times()[:2]) for one in processes()}
    time.sleep(SECONDS)
    cost = {}
    for one in processes():
        name = f"{' '.join(one.cmdline())[:40]} {one.pid}"
        cost[name] = (sum(one.cpu_times()[:2]) - before.get(one.pid, 0.0)) / SECONDS / count
    sender.wait()
    time.sleep(2)
    for name, seconds in sorted(cost.items(), key=lambda item: -item[1])[:5]:
        print(f"{1000 * seconds:6.1f} ms  {name}")
    late = sorted(map(float, LATE.read_text().split()))
    middle, last = late[len(late) // 2], late[len(late) * 95 // 100]
    print(f"{1000 * sum(cost.values()):6.1f} ms for each second of a call; late {1e3 * middle:.0f}, p95 {1e3 * last:.0f} ms")


def direct(count: int, *, nginx: bool) -> None:
    """Measure two servers of uvicorn, behind nginx or the first of them alone."""
    folder = Path(__file__).parent
    line = [sys.executable, "-m", "uvicorn", "serve_behind_ray:app", "--app-dir", str(folder), "--log-level", "error"]
    running = [subprocess.Popen([*line, "--ws", "websockets-sansio", "--port", str(port)]) for port in BEHIND]
    if nginx:
        scratch = tempfile.mkdtemp()
        servers = " ".join(f"server 127.0.0.1:{port};" for port in BEHIND)
        (Path(scratch) / "nginx.conf").write_text(NGINX.format(folder=scratch, servers=servers, port=PORT))
        running.append(subprocess.Popen(["nginx", "-c", f"{scratch}/nginx.conf"]))
    time.sleep(3)

    def processes() -> list[psutil.Process]:
        started = [psutil.Process(one.pid) for one in running]
        return started + [child for one in started for child in one.children()]

    measure(processes, PORT if nginx else BEHIND[0], count)
    for one in running:
        one.terminate()


def behind_ray(count: int) -> None:
    """Measure a Ray Serve deployment with two replicas."""
    import ray
    from ray import serve

    ray.init(num_cpus=4, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": PORT})
    replica = type("Replica", (), {})
    deployment = serve.deployment(num_replicas=2, max_ongoing_requests=1000)(serve.ingress(lambda: App())(replica))
    serve.run(deployment.bind(), route_prefix="/")

    def processes() -> list[psutil.Process]:
        found = []
        for one in psutil.process_iter():
            words = " ".join(one.cmdline()) or one.name()
            if one.pid != os.getpid() and ("ray" in words or "haproxy" in words) and " send " not in words:
                found.append(one)
        return found

    measure(processes, PORT, count)
    ray.shutdown()


if __name__ == "__main__":
    if sys.argv[1] == "send":
        asyncio.run(calls(int(sys.argv[2]), int(sys.argv[3])))
    elif sys.argv[1] == "ray":
        behind_ray(int(sys.argv[2]) if len(sys.argv) > 2 else 10)
    else:
        direct(int(sys.argv[2]) if len(sys.argv) > 2 else 10, nginx=sys.argv[1] == "nginx")
