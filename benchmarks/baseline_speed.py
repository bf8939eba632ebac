"""openSMILE's eGeMAPS, the usual features of speech emotion, for how fast they are on the same utterances."""

from __future__ import annotations

import importlib.util
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, missing
from benchmarks.running import cost
from benchmarks.vosk_cost import utterances
from monitor.flow import SAMPLE_RATE
from stser_core.scores import SpeechInput

if TYPE_CHECKING:
    from benchmarks.plan import Plan

SUBJECT = "openSMILE"


def measure(plan: Plan) -> list[Figure]:
    """Extract its features, and score with the speech classifier, in turns."""
    if importlib.util.find_spec("opensmile") is None:
        return [missing(SUBJECT, "CPU of eGeMAPS / ours", "the package opensmile is not installed")]
    import opensmile

    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    spoken = [one.samples for one in utterances(plan.piece(60.0 if plan.quick else 138.0))]
    seconds = sum(map(len, spoken)) / SAMPLE_RATE
    theirs, own = [], []
    plan.recognizer.score([SpeechInput(spoken[0])])
    smile.process_signal(spoken[0], SAMPLE_RATE)
    for _ in range(plan.repeats):
        theirs.append(cost(lambda: [smile.process_signal(one, SAMPLE_RATE) for one in spoken]).cpu_s)
        own.append(cost(lambda: [plan.recognizer.score([SpeechInput(one)]) for one in spoken]).cpu_s)
    ratios = [one / other for one, other in zip(theirs, own, strict=True)]
    against = f"{seconds:.0f} s of speech in {len(spoken)} utterances; 88 functionals, without any classifier"
    return [
        Figure(
            SUBJECT,
            "CPU of eGeMAPS / ours (front end, smodel, classifier)",
            median(ratios),
            "×",
            against,
            None,
            (min(ratios), max(ratios)),
        ),
        Figure(SUBJECT, "eGeMAPS: audio per second of CPU", seconds / median(theirs), "s/s", against),
        Figure(SUBJECT, "ours: audio per second of CPU", seconds / median(own), "s/s", against),
    ]
