"""A member judged fold by fold: alone, and in the ensemble of the model that was trained in the same fold."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from stser_core.adaptation import Voice
from stser_core.features import FeatureSettings, LogMel
from stser_core.members import asking, kinds
from stser_core.recognizer import Recognizer
from stser_core.scores import EmotionScores, Spoken
from stser_core.training.evaluation import (
    ACQUAINTANCES,
    NEW_BY_CORPUS,
    Acquaintance,
    Judged,
    in_drawn_order,
    report,
)
from stser_core.training.progress import progress
from stser_core.training.run_folder import CHECKPOINT_FOLDER

if TYPE_CHECKING:
    from stser_core.training.clip import Clip
    from stser_core.training.folds import Fold
    from stser_core.training.members.fitting import Made, Maker
    from stser_core.training.plan import Plan
    from stser_core.training.sound_cache import SoundCache


@dataclass(frozen=True)
class _Answering:
    name: str
    classifiers: tuple[str, ...]


def judge_folds(
    name: str, make: Maker, plan: Plan, folds: Sequence[Fold], sounds: SoundCache, out: Path, *, join: bool = False
) -> dict[str, Any]:
    """Train and judge a member in every fold.

    Args:
        name: The member's.
        make: Trains it: on a fold's training and validation part, since nothing is stopped early.
        plan: Its seeds say which runs of the model it joins; the member itself is trained once in each fold.
        folds: The plan's.
        sounds: Has the sound of all clips.
        out: Where a cross-validation of the model has left its runs; a fold whose checkpoint is not there has the
            member alone.
        join: Let those checkpoints keep the member, so that the next one is judged beside it.

    Returns:
        The report of all folds together (see `evaluation.report`), `runs` with each fold's, and `mean_ua`: for the
        member and the ensemble, the mean over the corpora of their UA; `mean_ua_of_new_voices`, where known ones were
        judged.

    Raises:
        CheckpointError: A fold's checkpoint is broken.
        DataError: See `Maker`.
    """
    judged: list[Judged] = []
    runs: list[dict[str, Any]] = []
    names: set[tuple[str, ...]] = set()
    for fold in progress(folds, "Folds", len(folds)):
        made = make(fold.train + fold.validation, sounds)
        alone = _alone(made, make, fold, sounds)
        for seed in plan.seeds:
            model = out / f"seed{seed}" / fold.name / CHECKPOINT_FOLDER
            answers = _joined(alone, made, model, sounds) if model.is_dir() else alone
            if join and model.is_dir():
                made.join(model, model)
            answering = _Answering(fold.name, _names(answers))
            runs.append({"seed": seed, "fold": fold.name, **report(answering, answers)})
            names.add(answering.classifiers)
            judged += answers
    together = min(names, key=len)  # what every fold had
    figures = report(_Answering(name, together), judged)
    means = {"mean_ua": _mean_ua(figures["breakdown"]["corpus"])}
    if NEW_BY_CORPUS in figures["breakdown"]:
        means["mean_ua_of_new_voices"] = _mean_ua(figures["breakdown"][NEW_BY_CORPUS])
    return {**figures, "runs": runs, **means}


def _names(answers: Sequence[Judged]) -> tuple[str, ...]:
    """Who answered where most did, in order: to a clip without words, those that read have no answer."""
    return max((tuple(one.scores.by_classifier) for one in answers), key=len)


def _alone(made: Made, make: Maker, fold: Fold, sounds: SoundCache) -> list[Judged]:
    """The member's own answers to a fold's test clips, in the order in which they are heard."""
    member = kinds.load_parts(made.listed, made.weights, Path())
    logmel = LogMel(FeatureSettings())
    voices: dict[str, Voice] = defaultdict(Voice)
    judged = []
    for clip in in_drawn_order(fold.test):
        samples = sounds.samples(clip)
        encoding = None if make.cache is None else make.cache.encoding(samples)
        for how in ACQUAINTANCES:
            spoken = Spoken(samples, clip.text, encoding=encoding, voice=_voice(voices, clip, how))
            with torch.inference_mode():
                logits = asking.logits(member, [asking.heard(member.needs, spoken, logmel)])
            shares = tuple((logits[0] / made.listed.temperature).softmax(dim=0).tolist())
            judged.append(Judged(clip, "wide", EmotionScores({made.listed.name: shares}, shares), how))
    return judged


def _joined(alone: Sequence[Judged], made: Made, model: Path, sounds: SoundCache) -> list[Judged]:
    """The member's answers put together with those of a model's checkpoint, as a checkpoint of both would."""
    recognizer = Recognizer.load(model, accelerator="cpu")
    weights = {**recognizer.ensemble.weights, **made.others, made.listed.name: made.count}
    ensemble = replace(recognizer.ensemble, weights=weights, voices=(*recognizer.ensemble.voices, made.listed.name))
    voices: dict[str, Voice] = defaultdict(Voice)
    joined = []
    for one in alone:
        spoken = Spoken(sounds.samples(one.clip), one.clip.text, voice=_voice(voices, one.clip, one.voice))
        (scores,) = recognizer.score([spoken])
        shares = {} if scores is None else dict(scores.by_classifier)
        shares |= one.scores.by_classifier
        mean = tuple(ensemble.mean({name: np.array(of) for name, of in shares.items()}).tolist())
        joined.append(replace(one, scores=EmotionScores(shares, mean)))
    return joined


def _voice(voices: dict[str, Voice], clip: Clip, how: Acquaintance) -> Voice | None:
    return voices[clip.speaker] if how == "known" else None


def _mean_ua(corpora: dict[str, Any]) -> dict[str, float]:
    """Of every classifier that was judged in each corpus."""
    names = set[str].intersection(*(set(one) for one in corpora.values()))
    return {name: statistics.fmean(one[name]["ua"] for one in corpora.values()) for name in sorted(names)}
