"""From an utterance's end, once it is decided, to its written row."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from benchmarks.figures import Budget, Figure, percentile
from benchmarks.running import busy_core, run_pipeline
from benchmarks.sounds import Looped
from monitor.commands.models import warm_up
from monitor.pipeline.timings import Timings
from monitor.transcribers.none import NoTranscriber

if TYPE_CHECKING:
    from benchmarks.plan import Plan
    from monitor.transcribers import Transcriber

SUBJECT = "latency"
_CHANNELS = 2


class Kept(Timings):
    """Keeps every turn's times."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[tuple[float, ...]] = []

    def add(self, *times: float) -> None:
        """Note a written turn."""
        self.times.append(times)


def measure(plan: Plan) -> list[Figure]:
    """Listen to two channels of the call in real time, with the other core left alone and busy."""
    figures = []
    kinds: list[tuple[str, Transcriber]] = [("speech only", NoTranscriber())]
    if plan.vosk is not None:
        kinds.append(("with Vosk", plan.vosk))
    for kind, transcriber in kinds:
        for name, load in (("as the machine is", nullcontext()), ("one core busy", busy_core())):
            with load:
                figures += _figures(plan, transcriber, f"{kind}, {name}")
    return figures


def _figures(plan: Plan, transcriber: Transcriber, name: str) -> list[Figure]:
    seconds = 30.0 if plan.quick else 138.0
    warm_up(plan.recognizer, transcriber)
    timings = Kept()
    run_pipeline(
        Looped(plan.call, seconds, channels=_CHANNELS, live=True),
        plan.recognizer,
        plan.scratch / "l.csv",
        transcriber=transcriber,
        timings=timings,
        capacity=256,
        follow=True,
    )
    own = [
        1000 * (written - ended - (transcribed - taken)) for _, ended, taken, transcribed, _, written in timings.times
    ]
    words = [1000 * (transcribed - taken) for _, _, taken, transcribed, _, _ in timings.times]
    against = f"{len(own)} turns of {_CHANNELS} channels in real time, live estimates on"
    figures = [
        Figure(
            SUBJECT,
            f"{name}: p{round(100 * share)}",
            percentile(own, share),
            "ms",
            against,
            Budget(100) if share == 0.95 else None,
        )
        for share in (0.5, 0.95, 0.99)
    ]
    if transcriber.name != "none":
        more = f"not in the figures above, {against}"
        figures.append(Figure(SUBJECT, f"{name}: Vosk's last words, p95", percentile(words, 0.95), "ms", more))
    return figures
