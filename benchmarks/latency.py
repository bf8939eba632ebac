"""From the decision that an utterance has ended to its written row, on two channels in real time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.figures import Figure
from benchmarks.material import Looped
from benchmarks.running import run_pipeline
from monitor.commands.models import warm_up
from monitor.transcribers import NoTranscriber

if TYPE_CHECKING:
    from benchmarks.material import Material
    from monitor.transcribers import Transcriber

_CHANNELS = 2


def measure(material: Material) -> list[Figure]:
    """Listen to the call without words and, where a model is there, with Vosk's."""
    figures = _latency(material, NoTranscriber())
    if material.vosk_folder is not None:
        from monitor.transcribers.vosk import VoskTranscriber

        figures += _latency(material, VoskTranscriber(material.vosk_folder))
    return figures


def _latency(material: Material, transcriber: Transcriber) -> list[Figure]:
    seconds = 20.0 if material.quick else 138.0
    warm_up(material.recognizer, transcriber)
    turns: list[tuple[float, ...]] = []
    stream = Looped(material.call, seconds, channels=_CHANNELS, live=True)
    run_pipeline(
        stream,
        material.recognizer,
        material.scratch / "latency.csv",
        transcriber=transcriber,
        timings=lambda *times: turns.append(times),
        follow=True,
    )
    own = [1000 * (written - ended - (transcribed - taken)) for ended, taken, transcribed, written in turns]
    words = [1000 * (transcribed - taken) for _, taken, transcribed, _ in turns]
    name = "speech only" if isinstance(transcriber, NoTranscriber) else "with Vosk"
    against = f"{len(own)} turns of {_CHANNELS} channels in real time"
    figures = [
        Figure("latency", f"{name}, p50", _percentile(own, 50), "ms", against),
        Figure("latency", f"{name}, p95", _percentile(own, 95), "ms", against, at_most=100),
    ]
    if not isinstance(transcriber, NoTranscriber):
        more = "not in the figures above"
        figures.append(Figure("latency", "Vosk's last words, p95", _percentile(words, 95), "ms", more))
    return figures


def _percentile(values: list[float], percent: float) -> float:
    """The smallest value that at least so many percent of them do not exceed."""
    return float(np.percentile(values, percent, method="inverted_cdf"))
