"""How many calls the server carries at once: in real time, as telephone systems send them, from a real call."""

from __future__ import annotations

import asyncio
import os
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.callers import Sound, play
from benchmarks.figures import Figure
from benchmarks.material import CALL
from benchmarks.running import STATUS
from benchmarks.serving import Serving
from benchmarks.throughput import vosk_model
from monitor.flow import SAMPLE_RATE
from monitor.samples import as_int16

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.callers import Played
    from benchmarks.material import Material

_GOAL = 60
_WITH_VOSK = 8
_WITH_WHISPER = 13
_MOST = 200
_BEGIN_WITHIN_S = 4.0
_LATEST_S = 0.3
"""From the end of an utterance to its row, for 95 % of the turns."""
_TRIALS = 5
_WARM_UP_S = 20.0
"""How long the first calls take, which are not counted: Vosk's decoders build the graph that this speech needs."""

_PIECE = SAMPLE_RATE // 10
"""Samples that bare Vosk gets at a time."""


@dataclass(frozen=True)
class Trial:
    """So many calls at once."""

    lines: int
    dropped_s: float  # sound that there was no time for, or that came too late
    p95_s: float  # from the decision that an utterance has ended to its row, or bare Vosk's text, 95th percentile
    turns: int  # rows that were written, or texts
    cpu: float  # seconds of CPU for each second of a line
    late_s: float  # by how much a frame was sent late: the machine, not the server, was too slow

    @property
    def holds(self) -> bool:
        """Whether no sound was dropped, and the rows came in time."""
        return self.dropped_s == 0 and self.p95_s <= _LATEST_S


def measure(material: Material) -> list[Figure]:
    """Find how many calls the server carries: without words and, where models are there, with Whisper and with Vosk.

    Bare Vosk decodes the same sound in real time, silence too, and does nothing else. Its decoders go on with the next
    calls, as the server's do.
    """
    if not STATUS.exists():
        return [Figure("serve", "calls at once", None, against="only Linux tells in /proc what the server costs")]
    seconds, most = (20.0, 1) if material.quick else (60.0, _TRIALS)

    def served(name: str, *arguments: str, first: int) -> list[Trial]:
        folder = material.scratch / f"serve {name}"
        folder.mkdir()
        with Serving(folder, (*arguments, "--max-lines", str(_MOST))) as serving:
            sound = Sound.read(CALL)
            return _search(lambda *trial: asyncio.run(_trial(serving, sound, *trial)), first, seconds, most)

    figures = _figures("speech only", served("speech", "--asr", "none", first=_GOAL), seconds, _GOAL)
    if (folder := material.whisper_folder) is not None:
        words = served("Whisper", "--asr", f"whisper:{folder}", first=_WITH_WHISPER)
        figures += _figures("with Whisper tiny.en", words, seconds)
    if (folder := material.vosk_folder) is not None:
        model, decoders = vosk_model(folder), list[Any]()
        bare = _search(lambda *trial: _bare_vosk(model, decoders, material.call, *trial), _WITH_VOSK, seconds, most)
        figures += _figures("bare Vosk", bare, seconds)
        words = served("Vosk", "--asr", f"vosk:{folder}", first=_WITH_VOSK)
        figures += _figures("with Vosk", words, seconds, _carried(bare) if not material.quick else None)
    return figures


def _carried(trials: Sequence[Trial]) -> int:
    """The most calls that were carried."""
    return max((trial.lines for trial in trials if trial.holds), default=0)


def _figures(name: str, trials: Sequence[Trial], seconds: float, goal: int | None = None) -> list[Figure]:
    held = [trial for trial in trials if trial.holds]
    best = max(held, key=lambda trial: trial.lines) if held else min(trials, key=lambda trial: trial.lines)
    tried = ", ".join(f"{trial.lines} {'held' if trial.holds else 'did not'}" for trial in trials)
    by_cpu = (os.cpu_count() or 1) / best.cpu
    against = f"{best.lines} calls, {best.turns} turns, {best.dropped_s:.1f} s dropped"
    late = f"frames sent up to {1000 * best.late_s:.0f} ms late"
    return [
        Figure("serve", f"{name}, calls at once", _carried(trials), "", f"{seconds:g} s each: {tried}", None, goal),
        Figure("serve", f"{name}, endpoint → row, p95", 1000 * best.p95_s, "ms", f"{against}; {late}", at_most=300),
        Figure("serve", f"{name}, calls for which the CPU would do", by_cpu, "", f"{os.cpu_count()} cores"),
    ]


def _search(carry: Callable[[int, float], Trial], lines: int, seconds: float, most: int) -> list[Trial]:
    """Try more calls as long as they are carried, or fewer until they are."""
    carry(lines, _WARM_UP_S)
    trials = [carry(lines, seconds)]
    rising = trials[0].holds
    while len(trials) < most and trials[-1].holds == rising:
        wanted = lines * (1.25 if rising else 0.75)
        lines = min(_MOST, max(1, round(wanted)))
        if lines == trials[-1].lines:
            break
        trials.append(carry(lines, seconds))
    return trials


def _bare_vosk(
    model: Any,  # noqa: ANN401 (Vosk has no types)
    decoders: list[Any],
    sound: Any,  # noqa: ANN401 (an array)
    lines: int,
    seconds: float,
) -> Trial:
    """Let Vosk alone decode so many lines, a thread and a decoder each."""
    import vosk

    while len(decoders) < lines:
        decoders.append(vosk.KaldiRecognizer(model, SAMPLE_RATE))
    begin_s, cpu_s = time.monotonic() + 1.0, time.process_time()

    def decode(place: int) -> list[float]:
        """How late each text came."""
        recognizer = decoders[place]
        recognizer.SetWords(True)
        began_s, late = begin_s + _BEGIN_WITHIN_S * place / lines, []
        pcm = as_int16(np.roll(sound, -place * len(sound) // lines)[: round(seconds * SAMPLE_RATE)])
        for start in range(0, len(pcm), _PIECE):
            due_s = began_s + (start + _PIECE) / SAMPLE_RATE
            time.sleep(max(0.0, due_s - time.monotonic()))
            if recognizer.AcceptWaveform(pcm[start : start + _PIECE].tobytes()):
                recognizer.Result()
                late.append(time.monotonic() - due_s)
        recognizer.FinalResult()
        return late

    with ThreadPoolExecutor(lines) as pool:
        late = [one for some in pool.map(decode, range(lines)) for one in some]
    cpu = (time.process_time() - cpu_s) / (lines * seconds)
    return Trial(lines, 0.0, float(np.percentile(late, 95)), len(late), cpu, 0.0)


async def _trial(serving: Serving, sound: Sound, lines: int, seconds: float) -> Trial:
    before, cpu_s = serving.metrics(), serving.cpu_s()
    played = await asyncio.gather(*(_call(serving, sound, place, lines, seconds) for place in range(lines)))
    await serving.quiet()
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
    """One call, from a part of the sound of its own."""
    await asyncio.sleep(_BEGIN_WITHIN_S * place / lines)
    async with serving.call(place, f"call-{uuid.uuid4().hex}") as caller:
        played = await play(caller, sound, seconds, start=place * sound.frames // lines)
        await caller.hang_up()
    return played


def _percentile(figures: Mapping[str, float], name: str, part: float) -> float:
    """A percentile of a Prometheus histogram, in a straight line between the bounds of its buckets."""
    bounds = [
        (float(found.group(1)), value)
        for label, value in figures.items()
        if (found := re.fullmatch(rf'{name}_bucket{{le="(.+)"}}', label))
    ]
    uppers, counts = np.array(sorted(bounds)).T
    return float(np.interp(part * counts[-1], [0.0, *counts], [0.0, *uppers]))  # infinite beyond the last bound
