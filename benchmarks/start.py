"""How soon the program is there: light commands, and the first screen and the first row of a replay."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.figures import Budget, Figure
from benchmarks.plan import CALL
from benchmarks.running import ENVIRONMENT, PROGRAM, cost_of_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.plan import Plan

SUBJECT = "start"
_REPLAY = (*PROGRAM, "replay", str(CALL), "--asr", "none")


def measure(plan: Plan) -> list[Figure]:
    """Start commands again and again; of times on the clock, the shortest is what the program itself needs."""
    timeline = plan.scratch / "timeline.csv"
    cost_of_command([*_REPLAY, "--quiet", "--csv", str(timeline)])
    light = {
        "--help": ["--help"],
        "devices": ["devices"],
        "export": [
            "export",
            str(timeline),
            "--to",
            "webvtt",
            "--output",
            str(plan.scratch / "timeline.vtt"),
            "--quiet",
        ],
    }
    figures = [figure for name, arguments in light.items() for figure in _light(plan, name, arguments)]
    imports = min(
        cost_of_command([sys.executable, "-c", "import torch, torchaudio, av"]).wall_s for _ in range(plan.repeats)
    )
    screen = min(_until_output(_REPLAY, terminal=True) for _ in range(plan.repeats))
    row = min(_until_output([*_REPLAY, "--quiet", "--csv", "-"], lines=2) for _ in range(plan.repeats))
    best = f"the shortest of {plan.repeats}; importing torch, torchaudio and PyAV alone takes {imports:.2f} s"
    return [
        *figures,
        Figure(SUBJECT, "first screen of a replay", screen, "s", best),
        Figure(SUBJECT, "first screen / bare imports", screen / imports, "×", "in the same run"),
        Figure(SUBJECT, "first row of a replay", row, "s", best),
    ]


def _light(plan: Plan, name: str, arguments: Sequence[str]) -> list[Figure]:
    bare = [cost_of_command([sys.executable, "-c", "pass"]) for _ in range(plan.repeats)]
    own = [cost_of_command([*PROGRAM, *arguments]) for _ in range(plan.repeats)]
    shortest, longest = min(one.wall_s for one in own), max(one.wall_s for one in own)
    wall = f"the shortest of {plan.repeats}; Python alone takes {min(one.wall_s for one in bare):.2f} s"
    cpu = f"the least of {plan.repeats}; Python alone takes {min(one.cpu_s for one in bare):.2f} s"
    return [
        Figure(SUBJECT, name, shortest, "s", wall, Budget(0.5), (shortest, longest)),
        Figure(SUBJECT, f"{name}: CPU", min(one.cpu_s for one in own), "s", cpu),
    ]


def _until_output(command: Sequence[str], *, terminal: bool = False, lines: int = 0) -> float:
    """Seconds until a command has written something, or so many lines, to its standard output; it is then ended."""
    ours, theirs = pty.openpty() if terminal else os.pipe()
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**ENVIRONMENT, "TERM": "xterm-256color"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE if lines else subprocess.DEVNULL,
    )
    os.close(theirs)
    try:
        written = b""
        while written.count(b"\n") < lines or not written:
            if not select.select([ours], [], [], 120)[0]:
                raise RuntimeError(f"{' '.join(command[-4:])} wrote nothing within two minutes.")
            written += os.read(ours, 65536)
        return time.perf_counter() - started
    finally:
        process.kill()
        process.communicate()
        os.close(ours)
