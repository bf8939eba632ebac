"""Pairs of speech and text of the test part: both carry an emotion, or only one of them does.

Open corpora have no sound whose words differ on purpose, so clips of unseen speakers are paired with unseen texts;
the right answer follows from how a pair was made (see `pairs`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.random import Generator

from stser_core.emotions import LABELS
from stser_core.training.clip import Clip
from stser_core.training.evaluation import BaselineMode, by_classifier, predict
from stser_core.training.pairs import NEUTRAL
from stser_core.training.speech_inputs import SpeechInputs

KINDS = ("agreeing", "text_neutral", "speech_neutral")
ALL = "all"


def pair_report(inputs: SpeechInputs, clips: Sequence[Clip], seed: int = 0) -> dict[str, Any]:
    """`pairs` of a report; empty where speech, text or a classifier of either is missing.

    Returns:
        For each of `KINDS` that the labels allow, and for `ALL`, the metrics of each classifier against the pair's
        right answer.
    """
    recognizer = inputs.recognizer
    paired = pairs_of(clips, seed)
    everything = [clip for some in paired.values() for clip in some]
    if not everything or not {"speech", "text"} <= set(recognizer.classifiers):
        return {}
    mode: BaselineMode = "neutral" if recognizer.uses_speaker_baseline else "none"
    predictions = predict(inputs, everything, baselines=(mode,))
    parts = {kind: {clip.id for clip in some} for kind, some in paired.items()}
    parts[ALL] = {clip.id for clip in everything}
    return {
        "pairs": {
            kind: {
                name: asdict(one)
                for name, one in by_classifier(
                    [one for one in predictions if one.clip.id in part], recognizer.classifiers
                ).items()
            }
            for kind, part in parts.items()
        }
    }


def pairs_of(clips: Sequence[Clip], seed: int = 0) -> dict[str, list[Clip]]:
    """Clips with sound paired with texts, by kind; those of `KINDS` that the labels allow."""
    paired = {kind: list(_paired(kind, clips, np.random.default_rng(seed))) for kind in KINDS}
    return {kind: some for kind, some in paired.items() if some}


def _paired(kind: str, clips: Sequence[Clip], rng: Generator) -> Iterator[Clip]:
    """Each clip with a text of each label that the kind allows; the clip's label is then the right answer."""
    texts: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if clip.path is None and clip.text:
            texts[clip.label].append(clip)
    for speech in (clip for clip in clips if clip.path is not None and not clip.weak):
        for said in _said(kind, speech.label):
            if texts[said]:
                text = texts[said][int(rng.integers(len(texts[said])))]
                answer = said if kind == "speech_neutral" else speech.label
                yield replace(speech, id=f"{speech.id} {kind} {text.id}", text=text.text, label=answer)


def _said(kind: str, speech: str) -> tuple[str, ...]:
    """The labels of the words that speech with this label is paired with."""
    if kind == "agreeing":
        return (speech,)
    if kind == "text_neutral":
        return (NEUTRAL,) if speech != NEUTRAL else ()
    return tuple(label for label in LABELS if label != NEUTRAL) if speech == NEUTRAL else ()
