"""Where the time goes: each stage alone, on the same sound, with timers outside the program's code."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import torch

from benchmarks.figures import Figure, missing
from benchmarks.vosk_cost import utterances
from monitor.exporters.csv import csv_record
from monitor.flow import Utterance
from monitor.segmenter.segmenter import Segmenter
from monitor.sources.recording import Recording
from monitor.timeline.turn import Turn
from stser_core.features import pad, trim
from stser_core.scores import SpeechInput

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.plan import Plan

SUBJECT = "stages"
T = TypeVar("T")
_TEXT = "i have been waiting for this call since monday"


@dataclass
class Clock:
    """CPU seconds by stage."""

    spent: dict[str, float] = field(default_factory=dict)

    def time(self, stage: str, work: Callable[[], T]) -> T:
        """Do some work, count what it takes, and hand on what it gives."""
        started = time.process_time()
        given = work()
        self.spent[stage] = self.spent.get(stage, 0.0) + time.process_time() - started
        return given


def measure(plan: Plan) -> list[Figure]:
    """Take the call through each stage by itself."""
    seconds = 60.0 if plan.quick else 278.0
    path = plan.piece(seconds)
    clock = Clock()
    spoken = utterances(path)
    plan.recognizer.score([SpeechInput(spoken[0].samples)])
    for _ in range(plan.repeats):
        _sound(clock, path)
        _speech(clock, plan, spoken)
        _words(clock, plan, spoken)
    clock.spent["front end"] = max(0.0, clock.spent.pop("log-mel and front end") - clock.spent["log-mel"])
    total = sum(clock.spent.values())
    per_minute = 60 / (seconds * plan.repeats)
    made_of = f"CPU of this stage / of all of these, {seconds:g} s of the call"
    figures = [
        Figure(SUBJECT, stage, 100 * spent / total, "%", f"{made_of}; {1000 * spent * per_minute:.1f} ms a minute")
        for stage, spent in clock.spent.items()
    ]
    if plan.vosk is not None:
        ratio = _vosk(plan, spoken) * plan.repeats / total
        figures.append(
            Figure(SUBJECT, "Vosk / all of these", ratio, "×", "CPU of Vosk's Korean model on the same speech")
        )
    if "tmodel" not in clock.spent:
        figures.append(missing(SUBJECT, "tmodel", "the default checkpoint has no text classifier"))
    return figures


def _sound(clock: Clock, path: Path) -> None:
    recording = Recording(path)
    blocks = clock.time("decode", lambda: list(recording.blocks()))
    segmenter = Segmenter(recording.channels)
    clock.time("VAD and endpoints", lambda: [segmenter.feed(block) for block in blocks])


@torch.inference_mode()
def _speech(clock: Clock, plan: Plan, spoken: list[Utterance]) -> None:
    """The spectrogram, the encoders, the classifier, and the row, as `EmotionRecognizer.score` does them."""
    model = plan.checkpoint.model
    for utterance in spoken:
        samples = utterance.samples
        given = pad([trim(samples, model.config.features)[0]])
        clock.time("log-mel", partial(model.logmel, *given))
        clock.time("log-mel and front end", partial(model.encode_frames, *given))
        frames, counts = model.encode_frames(*given)
        vector = clock.time("smodel", partial(model.encode_speech, frames, counts)).vector
        clock.time("classifier", partial(model.classify, {"speech": vector}))
        scores = plan.recognizer.score([SpeechInput(samples)])[0]
        turn = Turn.of(
            recording="call",
            channel=1,
            speaker="speaker1",
            turn=1,
            start_s=utterance.start_s,
            end_s=utterance.end_s,
            scores=scores,
            transcript=None,
            loudness_dbfs=-20.0,
        )
        clock.time("export", partial(csv_record, turn, explain=False))


@torch.inference_mode()
def _words(clock: Clock, plan: Plan, spoken: list[Utterance]) -> None:
    """The text encoder, on a sentence of eight words for each utterance."""
    tmodel, tokenizer = plan.checkpoint.model.tmodel, plan.checkpoint.tokenizer
    if tmodel is None or tokenizer is None:
        return
    for _ in spoken:
        encoded = tokenizer([_TEXT])
        clock.time("tmodel", partial(tmodel, encoded.pieces, encoded.mask))


def _vosk(plan: Plan, spoken: list[Utterance]) -> float:
    assert plan.vosk is not None
    started = time.process_time()
    for utterance in spoken:
        listening = plan.vosk.listen(utterance.start_s)
        listening.feed(utterance.samples)
        listening.finish()
    return time.process_time() - started
