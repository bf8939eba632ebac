"""How many calls the server carries at once: in real time, as telephone systems send them, from a real call."""

from __future__ import annotations

import asyncio
import os
import re
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.callers import AudioSocket, Pcm, Sound, Twilio, play
from benchmarks.figures import Figure
from benchmarks.material import CALL
from benchmarks.running import STATUS
from benchmarks.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.callers import Caller, Played
    from benchmarks.material import Material

_GOAL = 60
_WITH_WORDS = 8
_MOST = 200
_BEGIN_WITHIN_S = 4.0
_LATEST_S = 0.3
"""From the end of an utterance to its row, for 95 % of the turns."""
_TRIALS = 5


@dataclass(frozen=True)
class Trial:
    """So many calls at once."""

    lines: int
    dropped_s: float  # sound that the server had no time for, or that came too late
    p95_s: float  # from the decision that an utterance has ended to its row, 95th percentile
    turns: int  # rows that were written
    cpu: float  # seconds of CPU of the server for each second of a line
    late_s: float  # by how much a frame was sent late: the machine, not the server, was too slow

    @property
    def holds(self) -> bool:
        """Whether no sound was dropped, and the rows came in time."""
        return self.dropped_s == 0 and self.p95_s <= _LATEST_S


def measure(material: Material) -> list[Figure]:
    """Find how many calls the server carries: without words and, where a model is there, with Vosk."""
    if not STATUS.exists():
        return [Figure("serve", "calls at once", None, against="only Linux tells in /proc what the server costs")]
    figures = _figures(material, "speech only", ("--asr", "none"), _GOAL, _GOAL)
    if material.vosk_folder is not None:
        words = ("--asr", f"vosk:{material.vosk_folder}")
        figures += _figures(material, "with Vosk", words, _WITH_WORDS)
    return figures


def _figures(
    material: Material, name: str, arguments: tuple[str, ...], first: int, goal: int | None = None
) -> list[Figure]:
    folder = material.scratch / f"serve {name}"
    folder.mkdir()
    seconds = 20.0 if material.quick else 60.0
    with Serving(folder, (*arguments, "--max-lines", str(_MOST))) as serving:
        trials = _search(serving, Sound.read(CALL), first, seconds, 1 if material.quick else _TRIALS)
    held = [trial for trial in trials if trial.holds]
    best = max(held, key=lambda trial: trial.lines) if held else min(trials, key=lambda trial: trial.lines)
    tried = ", ".join(f"{trial.lines} {'held' if trial.holds else 'did not'}" for trial in trials)
    by_cpu = (os.cpu_count() or 1) / best.cpu
    against = f"{best.lines} calls, {best.turns} turns, {best.dropped_s:.1f} s dropped"
    late = f"frames sent up to {1000 * best.late_s:.0f} ms late"
    return [
        Figure(
            "serve", f"{name}, calls at once", len(held) and best.lines, "", f"{seconds:g} s each: {tried}", None, goal
        ),
        Figure("serve", f"{name}, endpoint → row, p95", 1000 * best.p95_s, "ms", f"{against}; {late}", at_most=300),
        Figure("serve", f"{name}, calls for which the CPU would do", by_cpu, "", f"{os.cpu_count()} cores"),
    ]


def _search(serving: Serving, sound: Sound, lines: int, seconds: float, most: int) -> list[Trial]:
    """Try more calls as long as they are carried, or fewer until they are."""
    trials = [asyncio.run(_trial(serving, sound, lines, seconds))]
    rising = trials[0].holds
    while len(trials) < most and trials[-1].holds == rising:
        lines = min(_MOST, max(1, round(lines * (1.25 if rising else 0.75))))
        if lines == trials[-1].lines:
            break
        trials.append(asyncio.run(_trial(serving, sound, lines, seconds)))
    return trials


async def _trial(serving: Serving, sound: Sound, lines: int, seconds: float) -> Trial:
    before, cpu_s = serving.metrics(), serving.cpu_s()
    played = await asyncio.gather(*(_call(serving, sound, place, lines, seconds) for place in range(lines)))
    await _quiet(serving)
    after, cpu_s = serving.metrics(), serving.cpu_s() - cpu_s
    grown = {name: value - before.get(name, 0.0) for name, value in after.items()}
    return Trial(
        lines=lines,
        dropped_s=grown["stser_dropped_seconds_total"] + grown["stser_late_seconds_total"],
        p95_s=_percentile(grown, "stser_row_seconds", 0.95),
        turns=round(grown["stser_turns_total"]),
        cpu=cpu_s / (lines * seconds),
        late_s=max(each.latest_s for each in played),
    )


async def _call(serving: Serving, sound: Sound, place: int, lines: int, seconds: float) -> Played:
    """One call: of the three kinds in turn, and from a part of the sound of its own."""
    await asyncio.sleep(_BEGIN_WITHIN_S * place / lines)
    async with AsyncExitStack() as stack:
        caller: Caller
        if place % 3 == 0:
            caller = await stack.enter_async_context(Twilio.call(serving.sockets, f"CA{uuid.uuid4().hex}"))
        elif place % 3 == 1:
            caller = await stack.enter_async_context(Pcm.call(serving.sockets, f"pcm-{place}"))
        else:
            caller = await stack.enter_async_context(AudioSocket.call("127.0.0.1", serving.audiosocket, uuid.uuid4()))
        played = await play(caller, sound, seconds, start=place * sound.frames // lines)
        await caller.hang_up()
    return played


async def _quiet(serving: Serving) -> None:
    """Wait until the last line has ended."""
    for _ in range(600):
        if (await asyncio.to_thread(serving.metrics))["stser_lines"] == 0:
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("The server does not end its lines.")


def _percentile(figures: Mapping[str, float], name: str, part: float) -> float:
    """A percentile of a Prometheus histogram, in a straight line between the bounds of its buckets."""
    bounds = [
        (float(found.group(1)), value)
        for label, value in figures.items()
        if (found := re.fullmatch(rf'{name}_bucket{{le="(.+)"}}', label))
    ]
    uppers, counts = np.array(sorted(bounds)).T
    return float(np.interp(part * counts[-1], [0.0, *counts], [0.0, *uppers]))  # infinite beyond the last bound
