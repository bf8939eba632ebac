"""The paper's protocol: every fold trained and evaluated, for several seeds, with baselines in the same folds.

What the folder of a cross-validation holds:

    seed0/fold1/           a run (see `run_folder`), with test.json: its metrics on the fold's test clips,
                           and fold.json: fingerprints of the clips that it was trained on and evaluated on
    baselines/tfidf.json   a baseline's metrics, fold by fold, each with the fingerprint of its fold
    results.json           everything
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from stser_core import checkpoint as checkpoints
from stser_core.emotions import index
from stser_core.errors import DataError, UsageError
from stser_core.recognizer import EmotionRecognizer
from stser_core.training.baselines import Baseline
from stser_core.training.clip import Clip
from stser_core.training.evaluation import baseline_modes, predict, report
from stser_core.training.metrics import measure
from stser_core.training.output import write_json
from stser_core.training.recipe import Recipe
from stser_core.training.routine import Channel
from stser_core.training.run import RunData, fit
from stser_core.training.run_folder import CHECKPOINT_FOLDER, TEST_FILE, fingerprint, holds, holds_a_run
from stser_core.training.sound_cache import SoundCache
from stser_core.training.speech_inputs import BANDS, SpeechInputs
from stser_core.training.splits import Fold
from stser_core.training.streams import stream_report
from stser_core.training.transcripts import Source, Words, with_transcripts

FOLD_FILE = "fold.json"


@dataclass(frozen=True, eq=False)
class Extra:
    """What every fold has besides its clips.

    Attributes:
        weak: Weak clips, added to every training part.
        pauses: Noise of routine calls, for random telephone lines.
        routine: Channels of routine calls that are held out, evaluated by every fold.
        front_end: The front end's weights.
        streams: Whether call-like streams are evaluated.
    """

    weak: tuple[Clip, ...] = ()
    pauses: tuple[NDArray[np.float32], ...] = ()
    routine: tuple[Channel, ...] = ()
    front_end: Path | None = None
    streams: bool = False


def cross_validate(
    folds: Sequence[Fold],
    recipe: Recipe,
    seeds: Sequence[int],
    out: Path,
    cache: Path,
    words: Words,
    extra: Extra | None = None,
    earlier: Path | None = None,
    *,
    jobs: int = 1,
    overwrite: bool = False,
) -> list[dict[str, Any]]:
    """Train and evaluate every fold with every seed; folds that an earlier call finished are not done again.

    Returns:
        For each run, `seed`, `fold`, `transcripts` (for each source the report of `evaluation`) and, if asked for,
        `streams`.
    """
    tasks = []
    for seed in seeds:
        seeded = replace(recipe, loop=replace(recipe.loop, seed=seed))
        for fold in folds:
            folder = out / f"seed{seed}" / fold.name
            start = None if earlier is None else earlier / f"seed{seed}" / fold.name
            tasks.append(_Task(fold, seeded, folder, cache, words, extra or Extra(), start, overwrite))
    if jobs == 1 or len(tasks) == 1:
        done = [task.run() for task in tasks]
    else:
        threads = max(1, (os.cpu_count() or 1) // jobs)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, context, torch.set_num_threads, (threads,)) as pool:
            done = list(pool.map(_Task.run, tasks))
    return [
        {"seed": task.recipe.loop.seed, "fold": task.fold.name, **results}
        for task, results in zip(tasks, done, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Task:
    """A fold to train and evaluate."""

    fold: Fold
    recipe: Recipe
    folder: Path
    cache: Path
    words: Words
    extra: Extra
    start: Path | None
    overwrite: bool

    def run(self) -> dict[str, Any]:
        """Train, unless the checkpoint is there: made by this recipe, of these clips, with these words; evaluate."""
        _train(self)
        _evaluate(self)
        results: dict[str, Any] = msgspec.json.decode((self.folder / TEST_FILE).read_bytes())
        return results


def evaluate_baseline(
    baseline: Baseline,
    folds: Sequence[Fold],
    sounds: SoundCache,
    cache: Path,
    seed: int,
    *,
    store: Path | None = None,
    described: str = "",
) -> list[dict[str, Any]]:
    """Train and evaluate a baseline in the same folds.

    Returns for each fold, its name and the baseline's metrics on what it could answer.
    """
    results = []
    known = _known(store)
    for fold in folds:
        asked = fingerprint((fold.train, fold.validation, fold.test), described)
        name = f"seed{seed}/{fold.name}"
        if name not in known or known[name]["fold"] != asked:
            known[name] = {"fold": asked, "metrics": _answered(baseline, fold, sounds, cache, seed)}
            if store is not None:
                write_json(known, store)
        if known[name]["metrics"] is not None:
            results.append({"seed": seed, "fold": fold.name, **known[name]["metrics"]})
    if not results:
        raise DataError(f"{baseline.name} could answer no clip of any fold.")
    return results


def _known(store: Path | None) -> dict[str, dict[str, Any]]:
    """What an earlier call has kept; a broken file counts as none."""
    if store is None or not store.is_file():
        return {}
    try:
        return msgspec.json.decode(store.read_bytes(), type=dict[str, dict[str, Any]])
    except msgspec.DecodeError:
        return {}


def _answered(baseline: Baseline, fold: Fold, sounds: SoundCache, cache: Path, seed: int) -> dict[str, Any] | None:
    answers = baseline.answer(fold, sounds, cache, seed)
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
        name: {metric: Spread.of(one[name][metric] for one in reports) for metric in ("wa", "ua")} for name in names
    }


def mean_streams(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The mean over all runs of their stream reports, where streams were evaluated; one report or none."""
    reports = [result["streams"] for result in results if "streams" in result]
    if not reports:
        return []
    mean: dict[str, Any] = _mean_of([{**one, "seed": None} for one in reports])
    return [mean | {"checkpoint": f"mean of {len(reports)} runs", "prior": reports[0]["prior"]}]


def _mean_of(values: Sequence[Any]) -> Any:  # noqa: ANN401 (JSON)
    """The mean of numbers that stand at the same place of nested reports; the first of what is not a number."""
    if isinstance(values[0], dict):
        keys = dict.fromkeys(key for value in values for key in value)
        return {key: _mean_of([value[key] for value in values if key in value]) for key in keys}
    numbers = [value for value in values if isinstance(value, int | float)]
    if not numbers:
        return values[0]
    return sum(numbers) if all(isinstance(one, int) for one in numbers) else statistics.fmean(numbers)


@dataclass(frozen=True)
class _Done:
    """What a finished run was trained on, and evaluated on by source of words, as fingerprints."""

    trained: str
    evaluated: dict[str, str]

    @classmethod
    def read(cls, folder: Path) -> _Done | None:
        """`None` where training has not finished."""
        try:
            return msgspec.json.decode((folder / FOLD_FILE).read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError):
            return None


def _train(task: _Task) -> None:
    fold, folder, words = task.fold, task.folder, task.words
    asked = fingerprint((fold.train, fold.validation, task.extra.weak), *_described(words, words.sources[0]))
    starts = () if task.start is None else (_start(task.start, asked),)
    if starts:
        asked = fingerprint((), asked, *map(checkpoints.fingerprint, starts))
    before = _Done.read(folder)
    finished = before is not None and before.trained == asked and (folder / CHECKPOINT_FOLDER).is_dir()
    if finished and holds(folder, task.recipe):
        return
    train, validation = (
        with_transcripts(part, words.sources[0], words.model, task.cache) for part in (fold.train, fold.validation)
    )
    data = RunData(train + task.extra.weak, validation, task.extra.pauses)
    half_done = holds(folder, task.recipe, data.fingerprint(starts))
    if not half_done and not task.overwrite and holds_a_run(folder):
        what = "another recipe" if not holds(folder, task.recipe) else "other clips, words or checkpoints to start from"
        raise UsageError(f"{folder} holds a run of {what}: give another --out, or --overwrite to lose that run.")
    fit(
        data,
        task.recipe,
        folder,
        task.cache,
        front_end=task.extra.front_end,
        starts=starts,
        resume=half_done,
        overwrite=not half_done,
    )
    write_json(_Done(asked, {}), folder / FOLD_FILE)


def _start(earlier: Path, asked: str) -> Path:
    """An earlier run's checkpoint, which must not have been trained on other clips than this fold's run."""
    before = _Done.read(earlier)
    if before is None or before.trained != asked:
        raise DataError(f"{earlier} holds no finished run of the same fold; start from the same clips and folds.")
    return earlier / CHECKPOINT_FOLDER


def _evaluate(task: _Task) -> None:
    """Evaluate a fold's checkpoint with each source's words, but for those that it has been evaluated with."""
    fold, folder, words = task.fold, task.folder, task.words
    kept = _Done.read(folder)
    if kept is None:
        raise DataError(f"{folder / FOLD_FILE} was deleted while its fold was evaluated; call again.")
    asked = {source: fingerprint((fold.test,), kept.trained, *_described(words, source)) for source in words.sources}
    path = folder / TEST_FILE
    results: dict[str, Any] = msgspec.json.decode(path.read_bytes()) if kept.evaluated and path.is_file() else {}
    known = results.setdefault("transcripts", {})
    missing = [source for source in words.sources if source not in known or kept.evaluated.get(source) != asked[source]]
    streams = task.extra.streams and (missing or "streams" not in results)
    if not missing and not streams:
        return
    single = SpeechInputs(EmotionRecognizer.load(folder / CHECKPOINT_FOLDER, prior=None))
    for source in missing:
        clips = with_transcripts(fold.test, source, words.model, task.cache)
        found = predict(single, clips, bands=BANDS, baselines=baseline_modes(single.recognizer))
        known[source] = report(single.recognizer, found)
    if streams:
        single.recognizer = EmotionRecognizer.load(folder / CHECKPOINT_FOLDER)
        results["streams"] = stream_report(single, fold.test, task.extra.routine)
    write_json(results, path)
    write_json(replace(kept, evaluated=kept.evaluated | asked), folder / FOLD_FILE)


def _described(words: Words, source: Source) -> tuple[str, ...]:
    """What a source's words depend on besides the clips."""
    return (source,) if source == "gold" else (source, str(words.model and words.model.resolve()))
