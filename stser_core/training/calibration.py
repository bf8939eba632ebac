"""Temperatures of a trained model, from its answers on call-like streams of the validation speakers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from msgspec import structs
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from torch import Tensor

from stser_core import checkpoint as checkpoints
from stser_core.config import EnsembleConfig
from stser_core.emotions import LABELS
from stser_core.ensemble import Floats, calibrated, combination, combine, softmax
from stser_core.files import TEMPORARY_PREFIX
from stser_core.model import Stser
from stser_core.recognizer import EmotionRecognizer
from stser_core.tokenizer import Tokenizer
from stser_core.torch_network import TorchNetwork
from stser_core.training.caches import BANDS, FrameCache
from stser_core.training.clip import Clip
from stser_core.training.evaluation import SpeechInputs
from stser_core.training.metrics import calibration_error
from stser_core.training.pairs import Example, Words, as_recorded, column_of, column_of_all
from stser_core.training.saving import save
from stser_core.training.streams import Turn, run_streams

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


def calibrate_model(
    model: Stser,
    tokenizer: Tokenizer | None,
    folder: Path,
    frames: FrameCache,
    clips: Sequence[Clip],
    words: Words | None,
    *,
    seed: int = 0,
    encoders: Mapping[str, Mapping[str, Tensor]] | None = None,
) -> tuple[EnsembleConfig, dict[str, Calibration]]:
    """Find the temperatures of every classifier, and of the combinations that occur in use.

    Speech classifiers answer call-like streams over both bands, classifiers of text the texts; all together answer
    streams with words, from `words`. Labels count alike, as in training: the class prior comes on top. The model, on
    the CPU, is measured as a checkpoint stores it: a temporary one is written beside `folder`, the final checkpoint's.
    `encoders` are the own tensors of further encoders, by name.
    """
    columns = {name: column_of(one.inputs) for name, one in model.config.classifiers.items()}
    ensemble = structs.replace(model.config.ensemble, temperatures={})
    found: dict[str, Calibration] = {}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=TEMPORARY_PREFIX, dir=folder.parent) as temporary:
        save(Path(temporary), model, tokenizer, "Not calibrated yet.\n", encoders=encoders)
        loaded = checkpoints.load(temporary)
        network = TorchNetwork(checkpoints.load_model(loaded.folder))
        for _ in range(_ROUNDS if model.config.speaker_baseline else 1):
            candidate = replace(loaded, config=structs.replace(loaded.config, ensemble=ensemble))
            inputs = SpeechInputs(EmotionRecognizer(candidate, network, prior=None), frames)
            turns = _turns(inputs, clips, words, seed)
            ensemble, found = calibrate(turns, columns, ensemble)
    return ensemble, found


def calibrate(
    turns: Sequence[Turn], columns: Mapping[str, int], ensemble: EnsembleConfig
) -> tuple[EnsembleConfig, dict[str, Calibration]]:
    """Fit the temperature of every classifier, then those of speech, of text and of all together.

    The turns were scored with the ensemble's temperatures, which are replaced. Each classifier is right by the label
    of its column: 0 of speech, 1 of text, 2 of both.
    """
    found: dict[str, Calibration] = {}
    before, ensemble = ensemble.temperatures, structs.replace(ensemble, temperatures={})

    def logits(name: str, some: Sequence[Turn]) -> Floats:
        """Logits from probabilities that were calibrated by the temperatures before."""
        probabilities = np.array([turn.scores.by_classifier[name] for turn in some])
        found: Floats = np.log(np.maximum(probabilities, _SMALLEST)) * before.get(name, 1.0)
        return found

    def fit(name: str, logits: Floats, some: Sequence[Turn], column: int) -> None:
        nonlocal ensemble
        truth = np.array([LABELS.index(turn.labels[column] or "") for turn in some])
        weights = 1.0 / np.bincount(truth, minlength=len(LABELS))[truth]  # all labels count alike
        temperature = round(fit_temperature(logits, truth, weights), 4)
        errors = (calibration_error(truth, softmax(logits / one), weights) for one in (1.0, temperature))
        found[name] = Calibration(temperature, *errors)
        ensemble = structs.replace(ensemble, temperatures={**ensemble.temperatures, name: temperature})

    for name, column in columns.items():
        some = [turn for turn in turns if name in turn.scores.by_classifier and turn.labels[column] is not None]
        if some:
            fit(name, logits(name, some), some, column)
    speech, text = (tuple(name for name, column in columns.items() if column == one) for one in (0, 1))
    for names in dict.fromkeys((speech, text, tuple(columns))):
        column = column_of_all([columns[name] for name in names])
        some = [turn for turn in turns if set(turn.scores.by_classifier) == set(names) and turn.labels[column]]
        if len(names) > 1 and some:
            together = combine(calibrated({name: logits(name, some) for name in names}, ensemble), ensemble)
            fit(combination(names), np.log(np.maximum(together, _SMALLEST)), some, column)
    return ensemble, found


def fit_temperature(logits: Floats, labels: NDArray[np.integer], weights: Floats) -> float:
    """The temperature of least negative log-likelihood, between 0.05 and 20.

    Logits, float [n, labels], may be logarithms of probabilities; labels are int [n]; each counts by its weight.
    """
    counts = np.asarray(weights, dtype=np.float64) / np.sum(weights)

    def loss(log_temperature: float) -> float:  # which has a single minimum
        likelihood = log_softmax(np.asarray(logits, dtype=np.float64) / exp(log_temperature), axis=1)
        return -float(counts @ likelihood[np.arange(len(labels)), labels])

    return exp(minimize_scalar(loss, bounds=(log(0.05), log(20.0)), method="bounded").x)


def _turns(inputs: SpeechInputs, clips: Sequence[Clip], words: Words | None, seed: int) -> list[Turn]:
    """Scored turns of streams over both bands, without words and with words, and texts."""
    recognizer = inputs.recognizer

    def single(kind: str, examples: Sequence[Example]) -> list[Turn]:
        scored = recognizer.score([inputs.of(one.clip, text=one.text) for one in examples])
        found = zip(examples, scored, strict=True)
        return [Turn(kind, one.labels, scores) for one, scores in found if scores is not None]

    turns: list[Turn] = []
    for band in BANDS if recognizer.attends else ():
        turns += run_streams(inputs, clips, band, seed=seed)
        if words is not None:
            turns += run_streams(inputs, clips, band, seed=seed + 1, words=words)
    if recognizer.attends and not turns:  # too few clips of any speaker for streams
        rng = np.random.default_rng(seed)
        with_sound = [clip for clip in clips if clip.path is not None and not clip.weak]
        examples = [as_recorded(replace(clip, text=None)) for clip in with_sound]
        turns += single("clips", examples + ([words(clip, rng) for clip in with_sound] if words is not None else []))
    texts = [as_recorded(clip) for clip in clips if clip.path is None and clip.text]
    if recognizer.needs_text and texts:
        some = [[one for one in texts if one.clip.weak == weak][:_MOST_TEXTS] for weak in (False, True)]
        turns += single("texts", some[0] + some[1])
    return turns
