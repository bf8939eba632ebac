"""What the commands of `stser-train` have in common: corpora from options, recipes from options, folders."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from platformdirs import user_cache_path

from stser_core.errors import DataError, UsageError
from stser_core.presets import preset
from stser_core.scores import CLASSIFIERS
from stser_core.training.augmentation import Augmentation
from stser_core.training.clip import Clip, Corpus
from stser_core.training.corpora import read
from stser_core.training.corpora.files import some
from stser_core.training.distributed import is_first
from stser_core.training.settings import Recipe
from stser_core.training.transcripts import SOURCES, Source, Words

if TYPE_CHECKING:
    from stser_core.stser import StserSettings

_LIKELY = 0.5


def cache_folder() -> Path:
    """Where decoded sound is kept unless `--cache` says otherwise."""
    return user_cache_path("stser-monitor") / "training"


def clips_of(corpora: Sequence[str], data: Sequence[Path]) -> tuple[Clip, ...]:
    """Read one or several corpora; their notes go to standard error.

    Args:
        corpora: Names, as `--corpus` gave them; one name may serve for all data.
        data: Folders or files, as `--data` gave them.

    Raises:
        UsageError: Their numbers do not fit.
        DataError: A corpus cannot be read.
    """
    if len(corpora) == 1:
        corpora = [*corpora] * len(data)
    if len(corpora) != len(data):
        raise UsageError(f"There are {len(corpora)} --corpus and {len(data)} --data; give one of each, in pairs.")
    clips: list[Clip] = []
    for name, place in zip(corpora, data, strict=True):
        corpus = read(name, place)
        clips += corpus.clips
        if is_first():
            _describe(corpus, place)
    return tuple(clips)


def chosen(
    clips: Sequence[Clip], *, sessions: Sequence[str] = (), speakers: Sequence[str] = (), split: str | None = None
) -> tuple[Clip, ...]:
    """The clips of some sessions, speakers or a split; all of them where nothing is named.

    Raises:
        DataError: No clip is of a session, a speaker or a split that was named, or none is of all of them together.
    """
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


def words_of(sources: Sequence[str], model: Path | None) -> Words:
    """The transcripts that a command's options name.

    Raises:
        UsageError: There is no such source.
    """
    for source in sources:
        if source not in SOURCES:
            raise UsageError(f"There are no {source!r} transcripts; there are {', '.join(SOURCES)}.")
    return Words(tuple(cast("Sequence[Source]", sources)), model)


def recipe_of(
    file: Path | None,
    preset_name: str | None,
    augment: Sequence[str] = (),
    text_encoder: str | None = None,
    classifiers: str | None = None,
    *,
    speaker_adaptation: bool = False,
    **given: Any,  # noqa: ANN401 (fields of many types)
) -> Recipe:
    """The recipe that a command's options make.

    Args:
        file: A recipe to start from; its settings are the defaults of all others.
        preset_name: Of the model.
        augment: `name` or `name=probability`, see `Augmentation`.
        text_encoder: A Hub id or folder, instead of the preset's.
        classifiers: Names joined by `+`, instead of all that the data allow.
        speaker_adaptation: Whether the classifiers get used to voices, whatever the preset or recipe says.
        given: Fields of `Recipe`; those that are `None` keep what they were.

    Raises:
        UsageError: There is no such preset or augmentation, or a value does not fit.
        DataError: The recipe file cannot be read.
    """
    recipe = Recipe.read(file) if file is not None else Recipe()
    if preset_name is not None:
        recipe = replace(recipe, model=preset(preset_name))
    if classifiers is not None:
        recipe = replace(recipe, model=_with_classifiers(recipe.model, classifiers))
    if text_encoder is not None:
        recipe = replace(recipe, model=_with_encoder(recipe.model, text_encoder))
    if speaker_adaptation:
        recipe = replace(recipe, model=replace(recipe.model, speaker_adaptation=True))
    if augment:
        recipe = replace(recipe, augmentation=_augmentation(augment))
    return replace(recipe, **{name: value for name, value in given.items() if value is not None})


def _with_encoder(model: StserSettings, encoder: str) -> StserSettings:
    if model.text is None or model.classifiers == ("speech",):
        raise UsageError("--text-encoder: no classifier of this recipe's model reads text.")
    if _is_path(encoder) and not Path(encoder).is_dir():
        raise UsageError(f"--text-encoder: the folder {encoder} does not exist; name a folder or a Hub id.")
    return replace(model, text=replace(model.text, encoder=encoder))


def _is_path(encoder: str) -> bool:
    """Whether this can be no Hub id, which is `name` or `owner/name`."""
    return encoder.startswith((".", "/", "~")) or encoder.count("/") > 1 or "\\" in encoder


def _with_classifiers(model: StserSettings, names: str) -> StserSettings:
    wanted = names.split("+")
    for name in wanted:
        if name not in CLASSIFIERS:
            raise UsageError(f"--classifiers: there is no {name!r}; there are {', '.join(CLASSIFIERS)}.")
    return replace(model, classifiers=tuple(name for name in CLASSIFIERS if name in wanted))


def _augmentation(wanted: Sequence[str]) -> Augmentation:
    kinds = [field.name for field in fields(Augmentation)]
    found: dict[str, float] = {}
    for one in wanted:
        name, _, value = one.replace("-", "_").partition("=")
        if name not in kinds:
            raise UsageError(f"There is no augmentation {name!r}; there are {', '.join(kinds)}.")
        try:
            found[name] = float(value) if value else _LIKELY
        except ValueError:
            raise UsageError(f"--augment {one}: {value!r} is no probability.") from None
        if not 0 <= found[name] <= 1:
            raise UsageError(f"--augment {one}: a probability lies between 0 and 1.")
    return Augmentation(**found)
