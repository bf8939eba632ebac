"""A `stser-monitor serve` in a process of its own, for what calls it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from benchmarks.callers import AudioSocket, Pcm, Twilio
from benchmarks.running import ENVIRONMENT, PROGRAM, megabytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from benchmarks.callers import Caller

_PATIENCE_S = 180.0


class Serving:
    """The server, which listens when the context is entered and is gone when it is left."""

    def __init__(self, folder: Path, arguments: Sequence[str] = ("--asr", "none")) -> None:
        """Prepare; timelines and the server's own messages go into a folder."""
        self.folder = folder / "timelines"
        self.port = self.audiosocket = 0  # where it listens for HTTP, and without Ray for AudioSocket
        self._log = folder / "serve.log"
        self.arguments = arguments
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Serving:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)

    @property
    def url(self) -> str:
        """Its address for browsers."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def sockets(self) -> str:
        """Its address for media streams."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        """What it wrote to standard error since it was started."""
        return self._log.read_text(encoding="utf-8")

    def start(self) -> None:
        """Start it, again on the ports that it had, and wait until it listens; raises `RuntimeError` if it does not."""
        command = [*PROGRAM, "serve", "--out", str(self.folder), "--port", str(self.port), *self.arguments]
        listeners = 1 if "--ray" in self.arguments else 2
        if listeners == 2:
            command += ["--audiosocket", str(self.audiosocket)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + _PATIENCE_S
        found: list[str] = []
        while len(found) < listeners:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The server does not listen: {self.said}")
            time.sleep(0.1)
            found = re.findall(r"(?:https?://|AudioSocket at )127\.0\.0\.1:(\d+)", self.said)
        self.port, self.audiosocket = int(found[0]), int(found[-1])

    def kill(self) -> None:
        """End it as a power cut does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def call(self, number: int, name: str) -> AbstractAsyncContextManager[Caller]:
        """Begin a call: of the three kinds in turn."""
        if number % 3 == 0:
            return Twilio.call(self.sockets, name)
        if number % 3 == 1:
            return Pcm.call(self.sockets, name)
        return AudioSocket.call("127.0.0.1", self.audiosocket, uuid.uuid4())

    async def quiet(self) -> None:
        """Wait until the last line has ended; raises `TimeoutError` if it does not."""
        for _ in range(600):
            if (await asyncio.to_thread(self.metrics))["stser_lines"] == 0:
                return
            await asyncio.sleep(0.1)
        raise TimeoutError("The server does not end its lines.")

    def memory_mb(self) -> float:
        """Its resident memory."""
        assert self.process is not None
        return megabytes(Path(f"/proc/{self.process.pid}/status").read_text(), "VmRSS")

    def cpu_s(self) -> float:
        """What it has worked so far, on all cores."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def metrics(self) -> dict[str, float]:
        """Its figures, by name and labels."""
        with urlopen(f"{self.url}metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}
