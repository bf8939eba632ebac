"""Turns whose every value is known, for whatever is made from turns, and a browser for whatever is a page."""

import contextlib
import os
import select
import struct
import subprocess
import threading
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import ARGUMENTS, CHROMIUM

from monitor.exporters.csv import CsvLines
from monitor.exporters.exporter import Exporter
from monitor.exporters.jsonl import JsonLines
from monitor.flow import Transcript, Word
from monitor.timeline.notes import Alert, Mark
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS
from stser_core.scores import EmotionScores

ANGRY = EmotionScores(
    {"speech": (0.9, 0.05, 0.03, 0.02), "text": (0.5, 0.1, 0.1, 0.3), "bimodal": (0.1, 0.1, 0.7, 0.1)},
    ensemble=(0.5, 0.25 / 3, 0.83 / 3, 0.42 / 3),
)
SAID = Transcript((Word("where", 1.2, 1.5, 0.9), Word("is", 1.5, 1.6, 1.0), Word("it", 1.7, 1.9, 0.8)))


@pytest.fixture(scope="module")
def launch():
    """Launch headless Chromium, until a file's tests end: Playwright runs once at a time, and keeps an event loop."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as started:
        launched = []

        def start(*arguments):
            launched.append(started.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *arguments]))
            return launched[-1]

        yield start
        for each in launched:
            each.close()


@pytest.fixture(scope="module")
def browser(launch):
    return launch()


@pytest.fixture
def turn() -> Callable[..., Turn]:
    """Make a turn; what is given replaces the usual values."""

    def make(**changes: Any) -> Turn:
        usual = {"recording": "call.wav", "channel": 1, "speaker": "customer", "turn": 1, "start_s": 1.0, "end_s": 2.5}
        found = {"scores": ANGRY, "transcript": SAID, "loudness_dbfs": -23.44, "checkpoint": "compact"}
        return Turn.of(**{**usual, **found, **changes})

    return make


@pytest.fixture
def row() -> Callable[..., Turn]:
    """Make a row: when, on which channel, with which emotion (scored 0.7 to 0.1) and words."""
    counter = iter(range(1, 10_000))

    def make(
        start_s: float, end_s: float, channel: int = 1, emotion: str | None = None, said: str | None = None, **more: Any
    ):
        usual: dict[str, Any] = {
            "recording": "call.wav",
            "speaker": {1: "customer", 2: "agent", 3: "other"}.get(channel, f"speaker{channel}"),
            "turn": next(counter),
            "emotion": emotion,
            "confidence": None if emotion is None else 0.7,
            **{f"p_{label}": 0.7 if label == emotion else 0.1 for label in LABELS if emotion is not None},
            "transcript": said,
            "loudness_dbfs": -20.0,
        }
        return Turn(channel=channel, start_s=float(start_s), end_s=float(end_s), **{**usual, **more})

    return make


@pytest.fixture
def call(row: Callable[..., Turn]) -> list[Turn]:
    """A call of 80 s: the customer grows angry, the agent is not scored.

    customer  0–10 neutral   20–30 neutral   38–48 angry            60–70 angry
    agent         12–18              29–35             52–58
    """
    return [
        row(0, 10, 1, "neutral", "hello i have a question"),
        row(12, 18, 2, None, "how may i help you today"),
        row(20, 30, 1, "neutral", "it does not work"),
        row(29, 35, 2, None, "have you read the manual", loudness_dbfs=-30.0),
        row(38, 48, 1, "angry", "of course i have"),
        row(52, 58, 2, None, "i see"),
        row(60, 70, 1, "angry", "this is outrageous", loudness_dbfs=-10.0),
    ]


@pytest.fixture(scope="session")
def write_timeline() -> Callable[..., Path]:
    """Write turns and notes as an exporter does: as JSON Lines where the file's name ends so, else as CSV."""

    def write(path: Path, *given: Turn | Mark | Alert, **options: bool) -> Path:
        exporter = Exporter(str(path), (JsonLines if path.suffix == ".jsonl" else CsvLines)(**options))
        exporter.begin()
        for one in given:
            (exporter.write if isinstance(one, Turn) else exporter.write_note)(one)
        exporter.finish()
        exporter.close()
        return path

    return write


@pytest.fixture(scope="session")
def alert_note() -> Callable[..., Alert]:
    """Make an alert; what is given replaces the usual values."""
    return partial(replace, Alert("angry>0.4", 2.5, 1, "customer", 1, "angry", 0.5))


PATIENCE_S = 60.0


class Terminal:
    """A program on a pseudo-terminal of 100 by 30 cells, its screen, and all that it has drawn."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        import fcntl
        import pty
        import termios

        import pyte

        self.drawn = ""
        self._screen = pyte.Screen(100, 30)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self._master, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        # With --ctty it is the program's controlling terminal, whose Ctrl-C is a signal.
        environment = {**os.environ, **environment, "TERM": "xterm-256color"}
        command = ["setsid", "--ctty", *command]
        self.process = subprocess.Popen(command, env=environment, stdin=end, stdout=end, stderr=end)
        os.close(end)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        # Linux reports an error once nobody has the other end any more.
        with contextlib.suppress(OSError):
            while (master := self._master) is not None:
                if select.select([master], [], [], 0.05)[0]:
                    shown = os.read(master, 65536)
                    with self._lock:
                        self._stream.feed(shown)
                        self.drawn += shown.decode(errors="replace")

    @property
    def lines(self) -> list[str]:
        """What is on the screen."""
        with self._lock:
            return list(self._screen.display)

    @property
    def as_it_was(self) -> bool:
        """Whether a shell would find the terminal as it left it: with lines, echo and a cursor."""
        import termios

        modes = termios.tcgetattr(self._master)[3]
        return bool(modes & termios.ICANON and modes & termios.ECHO) and not self._screen.cursor.hidden

    def see(self, text: str, since: int = 0) -> int:
        """Wait until a text is drawn; returns where it ends."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.drawn[since:]:
            assert time.monotonic() < deadline, f"{text!r} was never drawn:\n{self.drawn[-3000:]}"
            time.sleep(0.02)
        return self.drawn.index(text, since) + len(text)

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def shut(self) -> None:
        """Close the window; whoever runs in it gets a hang-up."""
        master, self._master = self._master, None
        self._reader.join()
        if master is not None:
            os.close(master)

    def wait(self) -> int:
        code = self.process.wait(PATIENCE_S)
        self._reader.join(5)
        return code

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.shut()


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Start a program on a terminal; what still runs at the end is killed."""
    started: list[Terminal] = []

    def start(command: list[str], **environment: str) -> Terminal:
        started.append(Terminal(command, environment))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture(scope="session")
def write_wav() -> Callable[..., Path]:
    """Write sound, [n] or [channels, n], as 16-bit WAV: integers as they are, or floats in −1…1."""

    def write(path: Path, samples: Any, rate: int = 16_000) -> Path:
        channels = np.atleast_2d(samples)
        pcm = channels if channels.dtype.kind == "i" else np.clip(channels, -1, 1) * 32_767
        with wave.open(str(path), "wb") as file:
            file.setparams((len(channels), 2, rate, 0, "NONE", ""))
            file.writeframes(pcm.T.astype("<i2").tobytes())
        return path

    return write


def scores_of(probabilities: tuple[float, ...], salience: tuple[float, ...] | None = None) -> EmotionScores:
    return EmotionScores({"speech": probabilities}, probabilities, salience)


@pytest.fixture(scope="session")
def explained() -> Callable[[tuple[float, ...]], EmotionScores]:
    """Scores of angry speech with the attention on each 100 ms."""
    return lambda salience: scores_of((0.7, 0.1, 0.1, 0.1), salience)


@pytest.fixture(scope="session")
def surely() -> Callable[[str], EmotionScores]:
    """Scores of the speech classifier alone that are almost sure of one emotion."""
    return lambda emotion: scores_of(tuple(0.97 if label == emotion else 0.01 for label in LABELS))


@pytest.fixture(scope="session")
def speech(data: Path) -> Path:
    """A recording of 19 s, mono at 16 kHz."""
    return data / "calls" / "two_speakers_16k_mono.wav"


@pytest.fixture(scope="session")
def speech_samples(speech: Path) -> np.ndarray:
    """Its samples: int16 [n]."""
    with wave.open(str(speech)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")
