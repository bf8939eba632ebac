"""Runs the models once before anything is heard, so that the first turn is not the slow one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from monitor.flow import SAMPLE_RATE
from stser_core.scores import SpeechInput

if TYPE_CHECKING:
    from monitor.pipeline.scoring import Scorer
    from monitor.transcribers import Transcriber

_LENGTHS_S = (1.0, 4.0)


def warm_up(scorer: Scorer, transcriber: Transcriber) -> None:
    """Have both models work on a noise; what they make of it is thrown away."""
    for seconds in _LENGTHS_S:
        noise = np.random.default_rng(0).normal(0, 0.05, round(seconds * SAMPLE_RATE)).astype(np.float32)
        scorer.score([SpeechInput(noise), SpeechInput(noise, "hello there", 1.0)])
    listening = transcriber.listen(0.0)
    listening.feed(noise[:SAMPLE_RATE])
    listening.finish()
