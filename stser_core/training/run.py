"""One training run: clips in, a calibrated checkpoint out; `run_folder` says where it is kept."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from stser_core import checkpoint as checkpoints
from stser_core.errors import DataError, UsageError
from stser_core.features import LogMel
from stser_core.scores import CLASSIFIERS
from stser_core.stser import Stser, StserSettings
from stser_core.text import normalise
from stser_core.tmodel import Tmodel, Tokenizer, pretrained
from stser_core.training.batches import LengthBatches, draw_weights
from stser_core.training.calibration import Answers, Calibration, calibrate
from stser_core.training.card import card
from stser_core.training.ctrl_c import CtrlC
from stser_core.training.distributed import is_first, share_batch_norms, shared_batch, wait_for_all
from stser_core.training.examples import Collator, Examples
from stser_core.training.learner import Learner
from stser_core.training.lessons import Lesson, lessons
from stser_core.training.output import write_json
from stser_core.training.pairs import Pairing
from stser_core.training.run_folder import (
    CHECKPOINT_FOLDER,
    HISTORY_FILE,
    STEPS_FOLDER,
    evaluations,
    fingerprint,
    last_step,
    start,
)
from stser_core.training.sound_cache import SoundCache
from stser_core.training.trainer import StopOnCtrlC, StserTrainer, answer_column, epochs_without_better
from stser_core.training.voices import VoiceBank
from stser_core.training.warm_start import freeze, start_from

if TYPE_CHECKING:
    from stser_core.training.clip import Clip
    from stser_core.training.members.cache import EncodingCache
    from stser_core.training.members.encoders import SequenceEncoder
    from stser_core.training.settings import Recipe


@dataclass(frozen=True)
class Data:
    """What a run learns from: clips with sound (and their own text), or texts alone, and the validation ones."""

    train: tuple[Clip, ...]
    validation: tuple[Clip, ...]

    def fingerprint(self, starts: Sequence[Path] = ()) -> str:
        """Other clips, labels or texts, or other checkpoints to start from, another fingerprint."""
        return fingerprint((self.train, self.validation), *map(checkpoints.fingerprint, starts))


@dataclass(frozen=True, eq=False)
class _Prepared:
    train: Examples
    validation: Examples
    weights: Sequence[float]


def fit(
    data: Data,
    recipe: Recipe,
    folder: Path,
    cache: Path,
    *,
    teacher: EncodingCache[SequenceEncoder] | None = None,
    starts: Sequence[Path] = (),
    resume: bool = False,
    overwrite: bool = False,
) -> Path:
    """Train, calibrate, and write a checkpoint.

    Ctrl-C ends the training; the best of the epochs that were finished is calibrated and written all the same, then
    the interruption goes on.

    Args:
        data: Training and validation clips. Where both hold clips with sound and texts alone, sound and texts are
            joined on the fly (see `pairs`).
        recipe: All settings.
        folder: Where the run is kept.
        cache: Where decoded sound is kept.
        teacher: Has the encodings that the recipe's teacher makes of the clips.
        starts: Checkpoints whose encoders and classifiers the model begins with; see `warm_start`.
        resume: Go on where an earlier run in this folder stopped; one that had finished is left as it is.
        overwrite: Throw away an earlier run in this folder.

    Returns:
        The checkpoint's folder.

    Raises:
        DataError: There is nothing to train on, or to validate with, or the folder holds a run of another recipe
            or other data.
        UsageError: The folder holds a run that is neither resumed nor overwritten.
        OutputError: The folder cannot be written.
        CheckpointError: The text encoder cannot be had.
    """
    settings = _trained_classifiers(data, recipe.model)
    resumed = start(folder, recipe, data.fingerprint(starts), resume=resume, overwrite=overwrite)
    step = last_step(folder) if resumed else None
    ended = step is not None and _ended(recipe, evaluations(step))
    if ended and (folder / HISTORY_FILE).is_file() and (folder / CHECKPOINT_FOLDER).is_dir():
        return folder / CHECKPOINT_FOLDER
    torch.manual_seed(recipe.seed)
    model, tokenizer = build(settings)
    start_from(model, starts)
    prepared = _prepare(data, recipe, cache, teacher)
    _need_validation(prepared.validation, settings.classifiers)
    trainer = _trainer(model, tokenizer, prepared, recipe, folder)
    if step is not None and ended:  # killed between its last epoch and its checkpoint
        trainer.args.num_train_epochs = len(evaluations(step))
    with CtrlC() as ctrl_c:
        trainer.add_callback(StopOnCtrlC(ctrl_c))
        trainer.train(resume_from_checkpoint=None if step is None else str(step))
    if trainer.state.best_model_checkpoint is not None:
        _write(trainer, model, tokenizer, data, recipe, prepared.validation, folder)
    if ctrl_c.pressed:
        _tell_interrupted(trainer, folder)
        raise KeyboardInterrupt
    return folder / CHECKPOINT_FOLDER


def _ended(recipe: Recipe, epochs: Sequence[Mapping[str, float]]) -> bool:
    """Whether a run with these epochs' figures has nothing left to train."""
    waited = epochs_without_better(epochs, f"eval_{recipe.best_by}")
    return len(epochs) >= recipe.epochs or bool(recipe.patience and waited >= recipe.patience)


def _write(
    trainer: StserTrainer,
    model: Stser,
    tokenizer: Tokenizer | None,
    data: Data,
    recipe: Recipe,
    validation: Examples,
    folder: Path,
) -> None:
    """Calibrate the best model and write its checkpoint."""
    calibrations = _calibrate(trainer, model, validation, recipe)
    if is_first():
        text = card(recipe, data.train, data.validation, trainer.state.log_history, calibrations)
        weights = {name: weight for name, weight in recipe.weights.items() if name in calibrations}
        joining = recipe.joining if {"speech", "text"} <= calibrations.keys() else None
        checkpoints.save(folder / CHECKPOINT_FOLDER, model, tokenizer, text, weights=weights, joining=joining)
        write_json(trainer.state.log_history, folder / HISTORY_FILE)
    wait_for_all()


def _tell_interrupted(trainer: StserTrainer, folder: Path) -> None:
    if not is_first():
        return
    if trainer.state.best_model_checkpoint is None:
        print("Interrupted before the first epoch's end; there is no checkpoint yet.", file=sys.stderr)
    else:
        print(f"Interrupted; the best model so far is in {folder / CHECKPOINT_FOLDER}.", file=sys.stderr)


def build(settings: StserSettings) -> tuple[Stser, Tokenizer | None]:
    """Make a model with fresh weights, but for its text encoder, which is loaded as it was pre-trained.

    Raises:
        UsageError: The settings name no text encoder.
        CheckpointError: The text encoder cannot be had.
    """
    if settings.text is None:
        return Stser(settings), None
    if not settings.text.encoder:
        raise UsageError("This model has no text encoder yet: give --text-encoder, or --classifiers speech.")
    tmodel, tokenizer = pretrained(settings.text)
    model = Stser(replace(settings, text=tmodel.settings))
    cast(Tmodel, model.tmodel).load_state_dict(tmodel.state_dict())
    return model, tokenizer


def _trained_classifiers(data: Data, settings: StserSettings) -> StserSettings:
    """Leave out the classifiers, and then the encoders, for which there is no data."""
    sound = any(clip.path is not None for clip in data.train)
    text = any(clip.text for clip in data.train) and settings.text is not None
    possible = {"speech": sound, "text": text, "bimodal": sound and text}
    classifiers = tuple(name for name in CLASSIFIERS if name in settings.classifiers and possible[name])
    if not classifiers:
        lacking = " or ".join(what for what, there in (("sound", sound), ("text", text)) if not there)
        raise DataError(
            f"There is nothing to train on: no training clip has {lacking} for the classifiers that were asked for "
            f"({', '.join(settings.classifiers)}); add some, or ask for others."
        )
    return replace(
        settings,
        classifiers=classifiers,
        speech=settings.speech if classifiers != ("text",) else None,
        text=settings.text if classifiers != ("speech",) else None,
    )


def _prepare(data: Data, recipe: Recipe, cache: Path, teacher: EncodingCache[SequenceEncoder] | None) -> _Prepared:
    sounds = SoundCache.of(data.train + data.validation, cache, recipe.model.features)
    heard = [tuple(clip for clip in part if clip.path is not None) for part in (data.train, data.validation)]
    train, validation = (some or part for some, part in zip(heard, (data.train, data.validation), strict=True))
    texts = [tuple(clip for clip in part if clip.path is None) for part in (data.train, data.validation)]
    joined = bool(heard[0] and texts[0])
    if joined and not texts[1]:
        raise DataError("There are texts to train on, but none to validate with; add some with the split validation.")
    pairings = [
        Pairing(some, recipe.pairs, {clip.label for clip in part if not (clip.text and recipe.own_words)})
        if joined
        else None
        for some, part in zip(texts, (train, validation), strict=True)
    ]
    weights = draw_weights(train, balance_labels=recipe.balance_labels, balance_corpora=recipe.balance_corpora)
    of = partial(Examples, sounds=sounds, own_words=recipe.own_words, seed=recipe.seed)
    return _Prepared(
        of(
            train,
            pairing=pairings[0],
            augmentation=recipe.augmentation,
            words=[word for clip in data.train for word in normalise(clip.text or "").split()],
            lessons=_lessons(train, sounds, recipe, teacher),
        ),
        of(validation, pairing=pairings[1], first_row=len(train)),
        weights.tolist(),
    )


def _lessons(
    clips: Sequence[Clip], sounds: SoundCache, recipe: Recipe, teacher: EncodingCache[SequenceEncoder] | None
) -> list[Lesson] | None:
    if recipe.teacher is None:
        return None
    if teacher is None or teacher.encoder.name != recipe.teacher:
        raise UsageError(f"The recipe's teacher is {recipe.teacher}: give it with --teacher.")
    return lessons(teacher.frames(clips, sounds), clips, recipe.teaching)


def _need_validation(validation: Examples, classifiers: Sequence[str]) -> None:
    """See that there is something that all classifiers can answer: by their ensemble the best epoch is chosen."""
    alone = dict.fromkeys(classifiers, False)
    for position in range(len(validation)):
        example = validation[position].example
        labels = {"speech": example.speech_label, "text": example.text_label, "bimodal": example.bimodal_label}
        can = {name: labels[name] is not None for name in classifiers}
        if all(can.values()):
            return
        alone = {name: alone[name] or can[name] for name in classifiers}
    lacking = [name for name, answered in alone.items() if not answered]
    what = f"the {lacking[0]} classifier" if lacking else f"all of {', '.join(classifiers)} together"
    raise DataError(
        f"No validation clip has what {what} reads, though training clips have; "
        "add some with the split validation, or choose --classifiers."
    )


def _trainer(
    model: Stser, tokenizer: Tokenizer | None, prepared: _Prepared, recipe: Recipe, folder: Path
) -> StserTrainer:
    freeze(model, recipe.frozen)
    if not any(one.requires_grad for one in model.parameters()):
        raise UsageError(f"All of the model is frozen ({', '.join(recipe.frozen)}), so nothing could be learnt.")
    if torch.distributed.is_torchelastic_launched():
        share_batch_norms(model)
    clips = (prepared.train.clips, prepared.validation.clips)
    lengths = [prepared.train.length(position) for position in range(len(prepared.train))]
    logmel = LogMel(recipe.model.features)  # of its own: the model's moves to the GPU, and spectrograms are made here
    return StserTrainer(
        Learner(
            model,
            recipe.losses,
            getattr(torch, recipe.precision),
            recipe.teaching if recipe.teacher else None,
            None if model.usual_voice is None else VoiceBank(*clips, len(model.usual_voice)),
        ),
        recipe,
        folder / STEPS_FOLDER,
        train=prepared.train,
        batches=LengthBatches(lengths, prepared.weights, shared_batch(recipe.batch, len(lengths)), recipe.seed),
        validation=prepared.validation,
        training_collator=Collator(logmel, tokenizer, recipe.augmentation, recipe.label_smoothing),
        plain_collator=Collator(logmel, tokenizer, None, opinions=False),
    )


def _calibrate(trainer: StserTrainer, model: Stser, validation: Examples, recipe: Recipe) -> dict[str, Calibration]:
    """Give the model the temperatures that its answers to the validation data ask for, weighed as in training."""
    prediction: Any = trainer.predict(validation)
    logits = prediction.predictions if isinstance(prediction.predictions, tuple) else (prediction.predictions,)
    targets, weights = prediction.label_ids
    answers = {
        name: Answers(one, np.where(weights[:, column] > 0, targets[:, column].argmax(axis=1), -1))
        for name, one in zip(model.settings.classifiers, logits, strict=True)
        for column in [CLASSIFIERS.index(name)]
    }
    weights = draw_weights(
        validation.clips, balance_labels=recipe.balance_labels, balance_corpora=recipe.balance_corpora
    )
    right = targets[:, answer_column(model.settings.classifiers)].argmax(axis=1)
    found = calibrate(answers, recipe.ensemble, weights, right)
    temperatures = {name: round(one.temperature, 4) for name, one in found.items()}
    model.settings = replace(model.settings, temperatures=temperatures)
    return found
