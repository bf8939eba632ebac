"""Temperatures of a trained model, from its answers on call-like streams of the validation speakers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stser_core.checkpoint import Checkpoint
from stser_core.config import TEXT, EnsembleConfig
from stser_core.emotions import LABELS, index
from stser_core.ensemble import calibrate, calibrated, combination, combine, fit_temperature, softmax
from stser_core.recognizer import EmotionRecognizer
from stser_core.scores import SpeechInput
from stser_core.training.clip import Clip
from stser_core.training.metrics import calibration_error
from stser_core.training.pairs import Pairing, as_recorded
from stser_core.training.speech_inputs import BANDS, SpeechInputs
from stser_core.training.streams import Turn, run_streams

Floats = NDArray[np.floating]


_SMALLEST = 1e-12
_MOST_TEXTS = 3_000
_ROUNDS = 2
"""The answers depend on the temperatures a little, since p(neutral) weighs the turns of a speaker's baseline."""


@dataclass(frozen=True)
class Calibration:
    """A temperature, and the expected calibration error without and with it (all labels count alike)."""

    temperature: float
    before: float
    after: float


@dataclass(frozen=True, eq=False)
class _Answer:
    """Logits of the classifiers that answered, and the labels of speech, text and both."""

    logits: Mapping[str, Floats]
    labels: tuple[str | None, str | None, str | None]


def calibrate_checkpoint(
    checkpoint: Checkpoint, clips: Sequence[Clip], pairing: Pairing | None, *, own_words: bool, seed: int = 0
) -> tuple[EnsembleConfig, dict[str, Calibration]]:
    """Find the temperatures of every classifier, and of the combinations that occur in operation.

    Speech classifiers answer call-like streams over both bands, classifiers of text the texts; all together answer
    streams with words. Labels count alike, as in training: the class prior comes on top.

    `pairing`: Draws words for the streams; `None` where speech and text do not come apart.

    Returns the ensemble with temperatures, and what they were found to be.
    """
    model = checkpoint.model
    columns = {name: _column(one.inputs) for name, one in model.config.classifiers.items()}
    ensemble = replace(model.config.ensemble, temperatures={})
    inputs: SpeechInputs | None = None
    found: dict[str, Calibration] = {}
    for _ in range(_ROUNDS if model.config.speaker_baseline else 1):
        model.config = replace(model.config, ensemble=ensemble)
        recognizer = EmotionRecognizer(checkpoint, accelerator="auto", prior=None)
        if inputs is None:
            inputs = SpeechInputs(recognizer)
        inputs.recognizer = recognizer
        answers = _answers(inputs, clips, pairing, ensemble, own_words=own_words, seed=seed)
        ensemble, found = _fitted(answers, columns, replace(ensemble, temperatures={}))
    model.config = replace(model.config, ensemble=ensemble)
    return ensemble, found


def _column(inputs: Sequence[str]) -> int:
    """Which label a classifier is right by: 0 of speech, 1 of text, 2 of both; further encoders are speech."""
    return 2 if TEXT in inputs and len(inputs) > 1 else int(TEXT in inputs)


def _answers(
    inputs: SpeechInputs,
    clips: Sequence[Clip],
    pairing: Pairing | None,
    ensemble: EnsembleConfig,
    *,
    own_words: bool,
    seed: int,
) -> list[_Answer]:
    recognizer = inputs.recognizer
    turns: list[Turn] = []
    for band in BANDS if recognizer.attends else ():
        turns += run_streams(inputs, clips, band, seed=seed)
        if pairing is not None or own_words:
            turns += run_streams(inputs, clips, band, seed=seed + 1, pairing=pairing, own_words=own_words)
    if recognizer.attends and not turns:  # too few clips of any speaker for streams
        turns += _single_clips(inputs, clips, pairing, own_words=own_words, seed=seed)
    every = [clip for clip in clips if clip.path is None and clip.text]
    texts = [clip for weak in (False, True) for clip in [one for one in every if one.weak == weak][:_MOST_TEXTS]]
    if recognizer.needs_text and texts:
        given = [SpeechInput(np.zeros(0, dtype=np.float32), clip.text) for clip in texts]
        turns += [
            Turn("texts", (None, clip.label, None), scores)
            for clip, scores in zip(texts, recognizer.score(given), strict=True)
            if scores is not None
        ]
    return [
        _Answer(
            {
                name: np.log(np.maximum(one, _SMALLEST)) * ensemble.temperatures.get(name, 1.0)
                for name, one in turn.scores.by_classifier.items()
            },
            turn.labels,
        )
        for turn in turns
    ]


def _single_clips(
    inputs: SpeechInputs, clips: Sequence[Clip], pairing: Pairing | None, *, own_words: bool, seed: int
) -> list[Turn]:
    """Every clip once without words and, where there are any, once with words."""
    rng = np.random.default_rng(seed)
    with_sound = [clip for clip in clips if clip.path is not None and not clip.weak]
    alone = [as_recorded(replace(clip, text=None)) for clip in with_sound]
    paired = [pairing.pair(clip, rng) for clip in with_sound] if pairing is not None else []
    examples = alone + (paired or [as_recorded(clip) for clip in with_sound if own_words])
    scored = inputs.recognizer.score([inputs.of(one.clip, text=one.text) for one in examples])
    found = zip(examples, scored, strict=True)
    return [Turn("clips", one.labels, scores) for one, scores in found if scores is not None]


def _fitted(
    answers: Sequence[_Answer], columns: Mapping[str, int], ensemble: EnsembleConfig
) -> tuple[EnsembleConfig, dict[str, Calibration]]:
    found: dict[str, Calibration] = {}
    for name, column in columns.items():
        some = [one for one in answers if name in one.logits and one.labels[column] is not None]
        if some:
            logits = np.array([one.logits[name] for one in some])
            truth, weights = _truth([one.labels[column] for one in some])
            ensemble = calibrate({name: logits}, truth, ensemble, weights=weights)
            temperature = ensemble.temperatures[name]
            found[name] = _calibration(temperature, truth, weights, logits)
    for names in _combinations(columns):
        column = _column_of(names, columns)
        some = [one for one in answers if set(one.logits) == set(names) and one.labels[column] is not None]
        if len(names) < 2 or not some:
            continue
        stacked = {name: np.array([one.logits[name] for one in some]) for name in names}
        together = combine(calibrated(stacked, ensemble), ensemble).probabilities
        logarithms = np.log(np.maximum(together, _SMALLEST))
        truth, weights = _truth([one.labels[column] for one in some])
        temperature = round(fit_temperature(logarithms, truth, weights), 4)
        ensemble = replace(ensemble, temperatures={**ensemble.temperatures, combination(names): temperature})
        found[combination(names)] = _calibration(temperature, truth, weights, logarithms)
    return ensemble, found


def _combinations(columns: Mapping[str, int]) -> list[tuple[str, ...]]:
    """The classifiers that answer speech without words, words without speech, and both."""
    speech = tuple(name for name, column in columns.items() if column == 0)
    text = tuple(name for name, column in columns.items() if column == 1)
    return list(dict.fromkeys((speech, text, tuple(columns))))


def _column_of(names: Sequence[str], columns: Mapping[str, int]) -> int:
    those = {columns[name] for name in names}
    return those.pop() if len(those) == 1 else 2


def _truth(labels: Sequence[str | None]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Label numbers, and weights that make all labels count alike."""
    truth = np.array([index(label) for label in labels if label is not None])
    counts = np.bincount(truth, minlength=len(LABELS))
    return truth, 1.0 / counts[truth]


def _calibration(
    temperature: float, truth: NDArray[np.int64], weights: NDArray[np.float64], logits: Floats
) -> Calibration:
    before, after = (calibration_error(truth, softmax(logits / one), weights) for one in (1.0, temperature))
    return Calibration(temperature, before, after)
