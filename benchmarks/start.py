"""Start time of commands, and memory of the shortest replay."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from benchmarks.running import ENVIRONMENT, PROGRAM, STATUS, megabytes, wall_of_command

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.material import Material

_REPLAY = ("replay", "--asr", "none", "--quiet", "--csv")
_ONNX = ("--runtime", "onnx")
_IMPORTS = [sys.executable, "-c", "import torch, torchaudio, av"]


def measure(material: Material) -> list[Figure]:
    """Start each again and again; the shortest time is what the program itself needs."""
    recording, timeline = material.piece(6.0), material.scratch / "start.csv"
    wall_of_command([*PROGRAM, *_REPLAY, str(timeline), str(recording)])
    vtt = str(material.scratch / "start.vtt")
    light = {
        "--help": ["--help"],
        "devices": ["devices"],
        "export": ["export", str(timeline), "--to", "webvtt", "--output", vtt, "--quiet"],
    }
    figures = []
    for name, arguments in light.items():
        shortest = min(wall_of_command([*PROGRAM, *arguments]) for _ in range(material.repeats))
        figures.append(Figure("start", name, shortest, "s", f"the shortest of {material.repeats}", at_most=0.5))
    imports = min(wall_of_command(_IMPORTS) for _ in range(material.repeats))
    row = min(_first_row(recording) for _ in range(material.repeats))
    onnx_row = min(_first_row(recording, *_ONNX) for _ in range(material.repeats))
    against = f"a recording of 6 s without words, {row:.1f} s / {imports:.1f} s"
    return [
        *figures,
        Figure("start", "first row / importing torch, torchaudio and PyAV", row / imports, "×", against, at_most=1.8),
        Figure("start", "first row, --runtime onnx", onnx_row, "s", "the same", at_most=1.0),
        _memory(recording, timeline, 600),
        _memory(recording, timeline, 300, *_ONNX),
    ]


def _first_row(recording: Path, *options: str) -> float:
    """Seconds until the header and one row are there."""
    started = time.perf_counter()
    command = [*PROGRAM, *_REPLAY, "-", *options, str(recording)]
    with subprocess.Popen(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if not (process.stdout.readline() and process.stdout.readline()):
            raise RuntimeError("The replay wrote no row.")
        taken = time.perf_counter() - started
        process.kill()
    return taken


def _memory(recording: Path, timeline: Path, at_most: float, *options: str) -> Figure:
    """The process's status at its end: the peak that `wait4` reports would include this process's own."""
    name = " ".join(["largest memory", *options])
    if not STATUS.exists():
        return Figure("start", name, None, against="only Linux tells it in /proc")
    told = f"from pathlib import Path; print(Path({str(STATUS)!r}).read_text())"
    command = [sys.executable, "-c", f"import sys; from monitor.cli import main; main(); {told}", *_REPLAY]
    status = subprocess.check_output([*command, str(timeline), *options, str(recording)], env=ENVIRONMENT, text=True)
    return Figure("start", name, megabytes(status, "VmHWM"), "MB", "that replay", at_most=at_most)
