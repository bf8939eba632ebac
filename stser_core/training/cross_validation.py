"""The paper's protocol: every fold trained and judged, for several seeds, with rivals in the same folds.

What the folder of a cross-validation holds:

    seed0/fold1/           a run (see `run_folder`), with test.json: its figures on the fold's test clips,
                           and fold.json: fingerprints of the clips that it was trained on and judged by
    rivals/tfidf.json      a rival's figures, fold by fold, each with the fingerprint of its fold
    results.json           everything
    confusion.png          the ensemble's answers, all folds and seeds together
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from stser_core import checkpoint as checkpoints
from stser_core.emotions import LABELS, index
from stser_core.errors import DataError, UsageError
from stser_core.recognizer import Recognizer
from stser_core.training.distributed import is_first, wait_for_all
from stser_core.training.evaluation import judge, report
from stser_core.training.folds import Fold
from stser_core.training.metrics import measure
from stser_core.training.output import write_json
from stser_core.training.rivals import Rival
from stser_core.training.run import Data, fit
from stser_core.training.run_folder import CHECKPOINT_FOLDER, TEST_FILE, fingerprint, holds, holds_a_run
from stser_core.training.sound_cache import SoundCache
from stser_core.training.transcripts import Words, with_transcripts

if TYPE_CHECKING:
    from stser_core.training.members.cache import EncodingCache
    from stser_core.training.members.encoders import SequenceEncoder
    from stser_core.training.settings import Recipe
    from stser_core.training.transcripts import Source


FOLD_FILE = "fold.json"


def cross_validate(
    folds: Sequence[Fold],
    recipe: Recipe,
    seeds: Sequence[int],
    out: Path,
    cache: Path,
    words: Words,
    teacher: EncodingCache[SequenceEncoder] | None = None,
    earlier: Path | None = None,
    *,
    overwrite: bool = False,
) -> list[dict[str, Any]]:
    """Train and judge every fold with every seed; folds that an earlier call finished are not done again.

    Args:
        folds: As `folds` makes them.
        recipe: Of every run; its seed is replaced.
        seeds: One run each.
        out: Where the runs are kept.
        cache: Where decoded sound and transcripts are kept.
        words: Which transcripts.
        teacher: See `run.fit`.
        earlier: Where a cross-validation of the same folds has left its runs, whose checkpoints these start from.
        overwrite: Throw away runs of another recipe, or of other clips or words, in their folders.

    Returns:
        For each run, `seed`, `fold`, and `transcripts`: for each source the report of `evaluation`.

    Raises:
        DataError: `earlier` has not the same folds.
        UsageError: A folder holds another run, which is not to be thrown away.
        StserError: See `run.fit`, `transcripts.with_transcripts` and `evaluation.judge`.
    """
    results = []
    for seed in seeds:
        for fold in folds:
            folder = out / f"seed{seed}" / fold.name
            start = None if earlier is None else earlier / f"seed{seed}" / fold.name
            _train(fold, replace(recipe, seed=seed), folder, cache, words, teacher, start, overwrite=overwrite)
            if is_first():
                _judge(fold, folder, cache, words)
            wait_for_all()
            figures = msgspec.json.decode((folder / TEST_FILE).read_bytes())
            results.append({"seed": seed, "fold": fold.name, "transcripts": figures})
    return results


def judge_rival(
    rival: Rival,
    folds: Sequence[Fold],
    sounds: SoundCache,
    cache: Path,
    seed: int,
    *,
    store: Path | None = None,
    described: str = "",
) -> list[dict[str, Any]]:
    """Train and judge a rival in the same folds.

    Args:
        rival: The rival.
        folds: As `folds` makes them.
        sounds: Has the sound of all clips.
        cache: Where features are kept.
        seed: The same seed gives the same figures.
        store: Its figures are kept in this file, fold by fold, and those that it has are not made again.
        described: Whatever else the figures depend on, in words.

    Returns:
        For each fold, its name and the rival's metrics on what it could judge.

    Raises:
        DataError: There is nothing that it could judge.
        OutputError: The figures cannot be kept.
    """
    results = []
    known = _known(store)
    for fold in folds:
        asked = fingerprint((fold.train, fold.validation, fold.test), described)
        name = f"seed{seed}/{fold.name}"
        if name not in known or known[name]["fold"] != asked:
            known[name] = {"fold": asked, "figures": _answered(rival, fold, sounds, cache, seed)}
            if store is not None:
                write_json(known, store)
        if known[name]["figures"] is not None:
            results.append({"seed": seed, "fold": fold.name, **known[name]["figures"]})
    if not results:
        raise DataError(f"{rival.name} could judge no clip of any fold.")
    return results


def _known(store: Path | None) -> dict[str, dict[str, Any]]:
    """What an earlier call has kept; what it could not write to its end is made again."""
    if store is None or not store.is_file():
        return {}
    try:
        return msgspec.json.decode(store.read_bytes(), type=dict[str, dict[str, Any]])
    except msgspec.DecodeError:
        return {}


def _answered(rival: Rival, fold: Fold, sounds: SoundCache, cache: Path, seed: int) -> dict[str, Any] | None:
    answers = rival.answer(fold, sounds, cache, seed)
    could = ~np.isnan(answers).any(axis=1)
    if not could.any():
        return None
    truth = np.array([index(clip.label) for clip in fold.test])
    return asdict(measure(truth[could], answers[could]))


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation over folds and seeds, as fractions of 1."""

    mean: float
    sd: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Of one or more values; a single one has no deviation."""
        listed = list(values)
        return cls(statistics.fmean(listed), statistics.stdev(listed) if len(listed) > 1 else 0.0)


def summary(results: Sequence[Mapping[str, Any]], source: str) -> dict[str, dict[str, Spread]]:
    """WA and UA of each classifier over all runs, for one source of transcripts."""
    reports = [result["transcripts"][source]["classifiers"] for result in results]
    names = [name for name in reports[0] if all(name in one for one in reports)]
    return {
        name: {figure: Spread.of(one[name][figure] for one in reports) for figure in ("wa", "ua")} for name in names
    }


def confusion(results: Sequence[Mapping[str, Any]], source: str, classifier: str) -> np.ndarray[Any, Any]:
    """A classifier's answers of all runs together: counts [truth, answer]."""
    total = np.zeros((len(LABELS), len(LABELS)), dtype=np.int64)
    for result in results:
        one = result["transcripts"][source]["classifiers"].get(classifier)
        if one is not None:
            total += np.array(one["confusion"])
    return total


@dataclass(frozen=True)
class _Fold:
    """What a finished run was trained on, and its checkpoint judged by, as fingerprints."""

    trained: str
    judged: dict[str, str]

    @classmethod
    def read(cls, folder: Path) -> _Fold | None:
        """`None` where training has not come to its end."""
        try:
            return msgspec.json.decode((folder / FOLD_FILE).read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError):
            return None


def _train(
    fold: Fold,
    recipe: Recipe,
    folder: Path,
    cache: Path,
    words: Words,
    teacher: EncodingCache[SequenceEncoder] | None,
    earlier: Path | None,
    *,
    overwrite: bool,
) -> None:
    """Train a fold, unless its checkpoint is there: made by this recipe, of these clips, with these words."""
    asked = fingerprint((fold.train, fold.validation), *_described(words, words.sources[0]))
    starts = () if earlier is None else (_start(earlier, asked),)
    if starts:
        asked = fingerprint((), asked, *map(checkpoints.fingerprint, starts))
    before = _Fold.read(folder)
    finished = before is not None and before.trained == asked and (folder / CHECKPOINT_FOLDER).is_dir()
    wait_for_all()  # every process has seen the folder as it was
    if finished and holds(folder, recipe):
        return
    train, validation = (
        with_transcripts(part, words.sources[0], words.model, cache) for part in (fold.train, fold.validation)
    )
    data = Data(train, validation)
    half_done = holds(folder, recipe, data.fingerprint(starts))
    if not half_done and not overwrite and holds_a_run(folder):
        what = "another recipe" if not holds(folder, recipe) else "other clips, words or checkpoints to start from"
        raise UsageError(f"{folder} holds a run of {what}: give another --out, or --overwrite to lose that run.")
    fit(data, recipe, folder, cache, teacher=teacher, starts=starts, resume=half_done, overwrite=not half_done)
    if is_first():
        write_json(_Fold(asked, {}), folder / FOLD_FILE)


def _start(earlier: Path, asked: str) -> Path:
    """An earlier run's checkpoint, which must know no clip that this fold's run does not learn from."""
    before = _Fold.read(earlier)
    if before is None or before.trained != asked:
        raise DataError(f"{earlier} holds no finished run of the same fold; start from the same clips and folds.")
    return earlier / CHECKPOINT_FOLDER


def _judge(fold: Fold, folder: Path, cache: Path, words: Words) -> None:
    """Judge a fold's checkpoint with each source's words, but for those that it has been judged with."""
    kept = _Fold.read(folder)
    if kept is None:
        raise DataError(f"{folder / FOLD_FILE} has gone while its fold was judged; call again.")
    asked = {source: fingerprint((fold.test,), kept.trained, *_described(words, source)) for source in words.sources}
    path = folder / TEST_FILE
    figures: dict[str, Any] = msgspec.json.decode(path.read_bytes()) if kept.judged and path.is_file() else {}
    missing = [source for source in words.sources if source not in figures or kept.judged.get(source) != asked[source]]
    if not missing:
        return
    recognizer = Recognizer.load(folder / CHECKPOINT_FOLDER)
    for source in missing:
        clips = with_transcripts(fold.test, source, words.model, cache)
        figures[source] = report(recognizer, judge(recognizer, clips))
    write_json(figures, path)
    write_json(replace(kept, judged=kept.judged | asked), folder / FOLD_FILE)


def _described(words: Words, source: Source) -> tuple[str, ...]:
    """What a source's words depend on besides the clips."""
    return (source,) if source == "gold" else (source, str(words.model and words.model.resolve()))
