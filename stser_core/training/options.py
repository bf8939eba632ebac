"""What command-line options stand for: corpora, recipes, and everything that comes with routine calls."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from stser_core.config import CheckpointConfig, preset
from stser_core.errors import DataError, UsageError
from stser_core.training.augmentation import Augmentation
from stser_core.training.clip import Clip, Corpus
from stser_core.training.corpora import read
from stser_core.training.corpora.files import some
from stser_core.training.loop import LoopConfig
from stser_core.training.recipe import Recipe
from stser_core.training.routine import Channel, read_calls, service_texts, turn_clips
from stser_core.training.run import only
from stser_core.training.transcripts import SOURCES, Source, Words

_DEFAULT_PROBABILITY = 0.5


def cache_folder() -> Path:
    """Where decoded sound and frames are kept unless `--cache` says otherwise."""
    return user_cache_path("stser-monitor") / "training"


# Data


def clips_of(corpora: Sequence[str], data: Sequence[Path]) -> tuple[Clip, ...]:
    """Read one or several corpora; their notes go to standard error."""
    if len(corpora) == 1:
        corpora = [*corpora] * len(data)
    if len(corpora) != len(data) or not data:
        raise UsageError(f"There are {len(corpora)} --corpus and {len(data)} --data; give one of each, in pairs.")
    clips: list[Clip] = []
    for name, place in zip(corpora, data, strict=True):
        corpus = read(name, place)
        clips += corpus.clips
        _describe(corpus, place)
    return tuple(clips)


def chosen(
    clips: Sequence[Clip], *, sessions: Sequence[str] = (), speakers: Sequence[str] = (), split: str | None = None
) -> tuple[Clip, ...]:
    """The clips of some sessions, speakers or a split; all of them where nothing is named."""
    left = tuple(clips)
    for what, wanted, value_of in (
        ("session", sessions, lambda clip: clip.session),
        ("speaker", speakers, lambda clip: clip.speaker),
        ("split", () if split is None else (split,), lambda clip: clip.split),
    ):
        if wanted:
            left = _of(what, wanted, clips, left, value_of)
    return left


def _of(
    what: str,
    wanted: Sequence[str],
    clips: Sequence[Clip],
    left: Sequence[Clip],
    value_of: Callable[[Clip], str | None],
) -> tuple[Clip, ...]:
    there = sorted({value for clip in clips if (value := value_of(clip)) is not None})
    if not there:
        raise DataError(f"--{what}: no clip of these data has a {what}; leave the option out.")
    for name in wanted:
        if name not in there:
            raise DataError(f"--{what}: no clip is of the {what} {name!r}; there are {some(there)}.")
    found = tuple(clip for clip in left if value_of(clip) in wanted)
    if not found:
        raise DataError(
            f"--{what} {' '.join(wanted)}: none of the clips chosen so far is of it; drop one of the options."
        )
    return found


def _describe(corpus: Corpus, place: Path) -> None:
    counts = ", ".join(f"{label} {count:,}" for label, count in corpus.counts.items())
    print(f"{place}: {len(corpus.clips):,} clips ({counts})", file=sys.stderr)
    for note in corpus.notes:
        print(f"  note: {note}", file=sys.stderr)


@dataclass(frozen=True, eq=False)
class CallData:
    """Weakly labelled neutral data.

    Attributes:
        train: Turns of routine calls, and service texts, to train on.
        validation: Service texts to validate with.
        test: Service texts to test on.
        pauses: Noise of the calls that are trained on.
        held_out: Channels of calls that are held out.
    """

    train: tuple[Clip, ...] = ()
    validation: tuple[Clip, ...] = ()
    test: tuple[Clip, ...] = ()
    pauses: tuple[NDArray[np.float32], ...] = ()
    held_out: tuple[Channel, ...] = ()


def call_data(routine: Path | None, held_out: Sequence[str], texts: Path | None, cache: Path) -> CallData:
    """Read routine calls and service texts."""
    if routine is None and held_out:
        raise UsageError("--held-out-call needs --routine FOLDER.")
    training, held = read_calls(routine, held_out) if routine is not None else ([], [])
    words = service_texts(texts) if texts is not None else ()
    parts = {split: tuple(clip for clip in words if clip.split == split) for split in ("train", "validation", "test")}
    pauses = tuple(channel.pause for channel in training if len(channel.pause))
    turns = turn_clips(training, cache)
    return CallData(turns + parts["train"], parts["validation"], parts["test"], pauses, tuple(held))


def words_of(sources: Sequence[str], model: Path | None) -> Words:
    """The transcripts that a command's options name."""
    for source in sources:
        if source not in SOURCES:
            raise UsageError(f"Unknown transcripts {source!r}; choose from {', '.join(SOURCES)}.")
    return Words(tuple(cast("Sequence[Source]", sources)), model)


# Recipes


def recipe_of(
    file: Path | None,
    preset_name: str | None,
    augment: Sequence[str] = (),
    text_encoder: str | None = None,
    classifiers: str | None = None,
    **given: Any,  # noqa: ANN401 (fields of many types)
) -> Recipe:
    """The recipe that a command's options make.

    `text_encoder`: A Hub id or folder, instead of the preset's. `given`: Fields of `Recipe` or `LoopConfig`; those that
    are `None` keep what they were.
    """
    recipe = Recipe.read(file) if file is not None else Recipe()
    model = recipe.model if preset_name is None else preset(preset_name)
    if classifiers is not None:
        model = _with_classifiers(model, classifiers)
    if text_encoder is not None:
        model = _with_encoder(model, text_encoder)
    names = {field.name for field in fields(LoopConfig)}
    values = {name: value for name, value in given.items() if value is not None}
    loop = replace(recipe.loop, **{name: value for name, value in values.items() if name in names})
    rest = {name: value for name, value in values.items() if name not in names}
    augmentation = _augmentation(augment) if augment else recipe.augmentation
    losses = {name: weight for name, weight in recipe.losses.items() if name in model.classifiers}
    return replace(recipe, model=model, loop=loop, augmentation=augmentation, losses=losses, **rest)


def _with_encoder(model: CheckpointConfig, encoder: str) -> CheckpointConfig:
    if model.tmodel is None:
        raise UsageError("--text-encoder: no classifier of this recipe's model reads text.")
    if _is_path(encoder) and not Path(encoder).is_dir():
        raise UsageError(f"--text-encoder: the folder {encoder} does not exist; name a folder or a Hub id.")
    return replace(model, tmodel=replace(model.tmodel, encoder=encoder))


def _is_path(encoder: str) -> bool:
    """Whether this cannot be a Hub id, which is `name` or `owner/name`."""
    return encoder.startswith((".", "/", "~")) or encoder.count("/") > 1 or "\\" in encoder


def _with_classifiers(model: CheckpointConfig, names: str) -> CheckpointConfig:
    wanted = names.split("+")
    for name in wanted:
        if name not in model.classifiers:
            known = ", ".join(model.classifiers)
            raise UsageError(f"--classifiers: unknown classifier {name!r}; choose from {known}.")
    return only(model, wanted)


def _augmentation(wanted: Sequence[str]) -> Augmentation:
    kinds = [field.name for field in fields(Augmentation) if field.type == "float"]
    found: dict[str, float] = {}
    for one in wanted:
        name, _, value = one.replace("-", "_").partition("=")
        if name not in kinds:
            raise UsageError(f"Unknown augmentation {name!r}; choose from {', '.join(kinds)}.")
        try:
            found[name] = float(value) if value else _DEFAULT_PROBABILITY
        except ValueError:
            raise UsageError(f"--augment {one}: {value!r} is not a probability.") from None
        if not 0 <= found[name] <= 1:
            raise UsageError(f"--augment {one}: a probability lies between 0 and 1.")
    return replace(Augmentation(), **found)  # type: ignore[arg-type]
