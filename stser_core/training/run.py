"""One training run: clips in, a calibrated checkpoint out; see `recipe` for its files."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray

from stser_core import checkpoint as checkpoints
from stser_core import weights
from stser_core.config import SPEECH, TEXT, AlbertConfig, CheckpointConfig, TmodelConfig
from stser_core.errors import CheckpointError, DataError, UsageError, reason
from stser_core.files import locked
from stser_core.model import Stser
from stser_core.tmodel import Tmodel
from stser_core.tokenizer import Tokenizer, normalise
from stser_core.training import saving
from stser_core.training.caches import FrameCache
from stser_core.training.calibration import calibrate_model
from stser_core.training.clip import Clip, content_key, fingerprint
from stser_core.training.examples import Examples, SpeechSource, TrainingBatches, draw_weights, validation_batches
from stser_core.training.learner import Learner, freeze
from stser_core.training.loop import Epoch, ctrl_c, ended, finished_epochs, train
from stser_core.training.output import write_json
from stser_core.training.pairs import Pairing, Words, as_recorded
from stser_core.training.recipe import DataDigest, Recipe, RunFolder, only
from stser_core.training.report import card
from stser_core.training.routine import CallData
from stser_core.training.splits import Fold

_ALBERT = {"hidden_size": 4_096, "num_attention_heads": 64, "intermediate_size": 16_384}
"""Sizes of ALBERT xxlarge, which transformers left out of a config.json."""


@dataclass(frozen=True, eq=False)
class RunData:
    """The data of a run."""

    train: tuple[Clip, ...]  # clips with sound (and perhaps words), texts alone, and weak ones of either
    validation: tuple[Clip, ...]  # decide when to stop, and calibrate
    pauses: tuple[NDArray[np.float32], ...] = ()  # noise of routine calls, for random telephone lines

    @classmethod
    def of(cls, fold: Fold, calls: CallData | None = None) -> "RunData":
        """The training and validation parts of a fold, with calls, and their service texts where the fold has texts."""
        weak = calls or CallData()
        reads = any(clip.text for part in (fold.train, fold.validation, fold.test) for clip in part)
        added = tuple(clip for clip in weak.train if clip.path is not None or reads)
        return cls(fold.train + added, fold.validation + (weak.validation if reads else ()), weak.pauses)

    def fingerprint(self, starts: Sequence[Path] = (), front_end: Path | None = None) -> DataDigest:
        """Digests of the data, of the checkpoints to start from, and of the file with the front end's weights."""
        digests = tuple(map(saving.fingerprint, starts))
        if front_end is not None:
            digests = (*digests, content_key(front_end))
        return DataDigest(fingerprint(self.train, self.validation), digests)


def _with_sound(clips: Sequence[Clip]) -> tuple[Clip, ...]:
    return tuple(clip for clip in clips if clip.path is not None)


def _texts(clips: Sequence[Clip]) -> tuple[Clip, ...]:
    return tuple(clip for clip in clips if clip.path is None)


def fit(
    data: RunData,
    recipe: Recipe,
    folder: Path,
    cache: Path,
    *,
    front_end: str | Path | None = None,
    starts: Sequence[str | Path] = (),
    resume: bool = False,
    overwrite: bool = False,
) -> Path:
    """Train, calibrate, and write a checkpoint; returns its folder.

    The model starts from the encoders and classifiers of the checkpoints in `starts`. The front end's weights are
    theirs, unless `front_end` is a checkpoint or a file that has them. `resume` continues the run in the folder,
    `overwrite` deletes it. After Ctrl-C the best finished epoch is calibrated and written all the same; then
    `KeyboardInterrupt` is raised.

    Raises `DataError` where no clip can be trained on or validated with, recordings cannot be decoded, or the first
    epoch diverges, `UsageError` where a part of the model has no weights to start from, or the folder holds a run, and
    `OutputError` where another process trains in the folder.
    """
    config, folders = with_data(data, recipe), [checkpoints.resolve(one) for one in starts]
    weights_file = _weights_file(front_end) if front_end is not None and config.front_end is not None else None
    run, digest = RunFolder(folder), data.fingerprint(folders, weights_file)
    resumed = run.continues(recipe, digest, resume=resume, overwrite=overwrite)
    if resumed and run.checkpoint.is_dir() and ended(finished_epochs(run.state), recipe.loop):
        return run.checkpoint
    torch.manual_seed(recipe.loop.seed)
    model, tokenizer, started = build(config, weights_file, folders)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    frames = FrameCache(model, cache, data.pauses)
    source = None
    if model.smodel is not None:
        lines = recipe.augmentation.line_versions if recipe.augmentation.lines else 0
        source = SpeechSource(data.train + data.validation, frames, model, lines)
        if model.front_end is not None and "smodel" not in started:
            source.measure(data.train)
    training, validation = (_examples(data, recipe, source, tokenizer, train=train) for train in (True, False))
    _need_validation(validation, config)
    with locked(folder, run.lock), ctrl_c() as pressed:
        # Now that nothing is missing, an earlier run may be lost, but none that has begun meanwhile.
        if not run.continues(recipe, digest, resume=resume, overwrite=overwrite):
            run.begin(recipe, digest)
        history = _train(model, training, validation, recipe, run.state, pressed)
        if history:
            _write(model.cpu(), tokenizer, frames, data, recipe, history, run)
    if pressed.is_set():
        where = f"the best model so far is in {run.checkpoint}." if history else "no checkpoint was written yet."
        print(f"Interrupted; {where}", file=sys.stderr)
        raise KeyboardInterrupt
    return run.checkpoint


def _train(
    model: Stser, training: Examples, validation: Examples, recipe: Recipe, state: Path, pressed: Event
) -> list[Epoch]:
    freeze(model, recipe.frozen)
    learner = Learner(model, recipe.label_smoothing)
    weak = (recipe.routine, recipe.service)
    weights = draw_weights(training.clips, recipe.balance_labels, recipe.balance_corpora, weak)
    lengths = [training.length(position) for position in range(len(training.clips))]
    batches = TrainingBatches(training.batch, lengths, weights, recipe.batch, recipe.loop.seed)
    return train(
        learner, batches, lambda: learner.validate(validation_batches(validation)), recipe.loop, state, pressed
    )


def with_data(data: RunData, recipe: Recipe) -> CheckpointConfig:
    """The recipe's model without the classifiers and encoders for which there are no data; `DataError` without any."""
    config = recipe.model
    clips = [clip for clip in data.train if not clip.weak]
    present = {SPEECH} if any(clip.path is not None for clip in clips) else set()
    present |= {TEXT} if any(clip.text for clip in clips) else set()
    kept = {name: one for name, one in config.classifiers.items() if present.issuperset(one.inputs)}
    if not kept:
        raise DataError(
            f"Nothing can be trained: the training clips have {' and '.join(sorted(present)) or 'neither'}, and "
            f"the classifiers read other inputs ({', '.join(config.classifiers)}); add data, or choose others."
        )
    return only(config, kept)


def _weights_file(front_end: str | Path) -> Path:
    """The file with a front end's weights: itself, or that of a checkpoint."""
    file = Path(front_end)
    return file if file.is_file() else checkpoints.resolve(front_end) / checkpoints.FRONT_END_FILE


def build(
    config: CheckpointConfig, front_end: Path | None, starts: Sequence[Path]
) -> tuple[Stser, Tokenizer | None, frozenset[str]]:
    """Make a model with fresh weights, but for the front end's and the parts of checkpoints that it starts from.

    Returns the model, its tokenizer, and the names of the parts that were taken from checkpoints, the last first.
    Raises `UsageError` where the front end or the text encoder has no weights to start from, `DataError` where a
    checkpoint has no part of the model, or one of another shape, `CheckpointError` where weights cannot be loaded.
    """
    given = [(folder, checkpoints.load_model(folder)) for folder in starts]
    tmodel = tokenizer = None
    if config.tmodel is not None:
        with_text = [(folder, one.tmodel) for folder, one in given if one.tmodel is not None]
        if with_text:
            folder, tmodel = with_text[-1]
            tokenizer = checkpoints.load(folder).tokenizer
        elif config.tmodel.encoder:
            tmodel, tokenizer = pretrained(config.tmodel)
        else:
            raise UsageError("This model has no text encoder yet: give --text-encoder, or --classifiers speech.")
        config = replace(config, tmodel=tmodel.config)
    model = Stser(config)
    if tmodel is not None and model.tmodel is not None:
        model.tmodel.load_state_dict(tmodel.state_dict())
    started = {name for folder, one in given for name in _take(model, one, folder)}
    if model.front_end is not None:
        if front_end is not None:
            checkpoints.load_front_end(model, front_end)
        elif "front_end" not in started:
            raise UsageError("This model needs the front end's weights: give --front-end default.")
    return model, tokenizer, frozenset(started)


def pretrained(config: TmodelConfig) -> tuple[Tmodel, Tokenizer]:
    """Load the text encoder that a configuration names, by Hub id or folder, with its weights, and its tokenizer.

    The tmodel's config has the encoder's shape and, of a folder, its name alone. Raises `CheckpointError` where it
    cannot be loaded, or is not an ALBERT.
    """
    local = Path(config.encoder).is_dir()
    folder = Path(config.encoder) if local else checkpoints.from_hub(config.encoder)
    path = folder / checkpoints.CONFIG_FILE
    try:
        described = _ALBERT | msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        if described.get("model_type") != "albert":
            raise CheckpointError(f"{path} is not an ALBERT's; its model_type is {described.get('model_type')!r}.")
        known = {name: described[name] for name in AlbertConfig.__struct_fields__ if name in described}
        albert = msgspec.convert(known, AlbertConfig)
    except (OSError, msgspec.DecodeError) as error:
        raise CheckpointError(f"{path} does not describe an ALBERT ({reason(error)}).") from error
    tmodel = Tmodel(replace(config, encoder=folder.resolve().name if local else config.encoder, albert=albert))
    file, expected = folder / checkpoints.WEIGHTS_FILE, tmodel.albert.state_dict()
    stored = {name.removeprefix("albert."): one for name, one in weights.read(file, "torch").items()}
    checkpoints.fill(tmodel.albert, {name: one for name, one in stored.items() if name in expected}, expected, file)
    return tmodel, Tokenizer.load(folder, config.maximum_pieces, marks=config.marks)


def _take(model: Stser, given: Stser, folder: Path) -> list[str]:
    """Give a model the parts of another; returns their names."""
    mine, theirs = (
        {"front_end": one.front_end, "smodel": one.smodel, "tmodel": one.tmodel, **one.classifiers}
        for one in (model, given)
    )
    shared = [name for name, part in theirs.items() if part is not None and mine.get(name) is not None]
    if not shared:
        raise DataError(f"The checkpoint {folder} has no part that this model could start from.")
    for name in shared:
        try:
            mine[name].load_state_dict(theirs[name].state_dict())  # type: ignore[union-attr]
        except RuntimeError as error:
            raise DataError(f"The {name} of {folder} is of another shape than this model's.") from error
    if "smodel" in shared and model.front_end is not None and given.front_end is not None:
        model.neutral_mean.copy_(given.neutral_mean)
        model.frame_scale.copy_(given.frame_scale)
    return shared


def _examples(
    data: RunData, recipe: Recipe, source: SpeechSource | None, tokenizer: Tokenizer | None, *, train: bool
) -> Examples:
    """The clips with sound as examples, or the texts where there is no sound; weak ones are not validated with."""
    clips = data.train if train else data.validation
    clips = clips if source is None else _with_sound(clips) or clips
    return Examples(
        [clip for clip in clips if (clip.text or source is not None) and (train or not clip.weak)],
        source,
        tokenizer,
        pairing=_pairing(data, recipe, train=train) if source is not None else None,
        own_words=recipe.own_words,
        augmentation=recipe.augmentation if train else None,
        words=[word for clip in data.train for word in normalise(clip.text or "").split()] if train else (),
        seed=recipe.loop.seed,
    )


def _pairing(data: RunData, recipe: Recipe, *, train: bool) -> Pairing | None:
    """Draws texts for clips; `None` without separate texts, or without a classifier that reads them."""
    separate = _texts(data.train) and _with_sound(data.train)
    if not separate or not any(TEXT in one.inputs for one in recipe.model.classifiers.values()):
        return None
    clips = data.train if train else data.validation
    texts = _texts(clips)
    if not texts:
        raise DataError("There are texts to train on, but none to validate with; add some with the split validation.")
    labels = {clip.label for clip in _with_sound(clips) or clips if not (clip.text and recipe.own_words)}
    return Pairing(texts, recipe.pairs, labels, recipe.service)


def _need_validation(validation: Examples, config: CheckpointConfig) -> None:
    """Check that validation has the input of every classifier: the best epoch is chosen by their ensemble."""
    for name, classifier in config.classifiers.items():
        sound = validation.source is not None and any(clip.path is not None for clip in validation.clips)
        text = validation.pairing is not None or any(clip.text for clip in validation.clips)
        if (SPEECH in classifier.inputs and not sound) or (TEXT in classifier.inputs and not text):
            raise DataError(
                f"No validation clip has the input of the {name} classifier, though training clips have; "
                "add some with the split validation, or choose --classifiers."
            )


def _write(
    model: Stser,
    tokenizer: Tokenizer | None,
    frames: FrameCache,
    data: RunData,
    recipe: Recipe,
    history: Sequence[Epoch],
    run: RunFolder,
) -> None:
    """Calibrate the model, and write its checkpoint."""
    words: Words | None = None
    if model.smodel is not None and model.tmodel is not None:
        pairing = _pairing(data, recipe, train=False)
        words = as_recorded if pairing is None else pairing.pair
    ensemble, found = calibrate_model(
        model, tokenizer, run.checkpoint, frames, data.validation, words, seed=recipe.loop.seed
    )
    model.config = replace(model.config, ensemble=ensemble)
    text = card(recipe, model.config, data.train, data.validation, history, found)
    saving.save(run.checkpoint, model, tokenizer, text)
    write_json(history, run.history_file)
