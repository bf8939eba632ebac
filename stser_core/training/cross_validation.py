"""The paper's protocol: every fold trained and judged, for several seeds, with rivals in the same folds.

What the folder of a cross-validation holds:

    seed0/fold1/           a run (see `run`), with test.json: its figures on the fold's test clips
    rivals/…json           each rival's figures, fold by fold
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

from stser_core.emotions import LABELS, index
from stser_core.errors import DataError
from stser_core.recognizer import Recognizer
from stser_core.training.distributed import is_first, wait_for_all
from stser_core.training.evaluation import judge, report
from stser_core.training.folds import Fold
from stser_core.training.metrics import measure
from stser_core.training.rivals import Rival
from stser_core.training.run import RECIPE_FILE, Data, fit
from stser_core.training.sound_cache import SoundCache
from stser_core.training.transcripts import Words, with_transcripts

if TYPE_CHECKING:
    from stser_core.training.clip import Clip
    from stser_core.training.settings import Recipe

TEST_FILE = "test.json"


def cross_validate(
    folds: Sequence[Fold], recipe: Recipe, seeds: Sequence[int], out: Path, cache: Path, words: Words
) -> list[dict[str, Any]]:
    """Train and judge every fold with every seed; folds that an earlier call finished are not done again.

    Args:
        folds: As `folds` makes them.
        recipe: Of every run; its seed is replaced.
        seeds: One run each.
        out: Where the runs are kept.
        cache: Where decoded sound and transcripts are kept.
        words: Which transcripts.

    Returns:
        For each run, `seed`, `fold`, and `transcripts`: for each source the report of `evaluation`.

    Raises:
        StserError: See `run.fit`, `transcripts.with_transcripts` and `evaluation.judge`.
    """
    results = []
    for seed in seeds:
        for fold in folds:
            folder = out / f"seed{seed}" / fold.name
            done = folder / TEST_FILE
            seeded = replace(recipe, seed=seed)
            if not _finished(folder, seeded):
                checkpoint = _train(fold, seeded, folder, cache, words)
                if is_first():
                    done.write_bytes(msgspec.json.encode(_judge(fold, checkpoint, cache, words)))
                wait_for_all()
            results.append({"seed": seed, "fold": fold.name, "transcripts": msgspec.json.decode(done.read_bytes())})
    return results


def judge_rival(
    rival: Rival, folds: Sequence[Fold], sounds: SoundCache, cache: Path, seed: int
) -> list[dict[str, Any]]:
    """Train and judge a rival in the same folds.

    Returns:
        For each fold, its name and the rival's metrics on what it could judge.
    """
    results = []
    for fold in folds:
        answers = rival.answer(fold, sounds, cache, seed)
        could = ~np.isnan(answers).any(axis=1)
        if could.any():
            truth = np.array([index(clip.label) for clip in fold.test])
            results.append({"seed": seed, "fold": fold.name, **asdict(measure(truth[could], answers[could]))})
    if not results:
        raise DataError(f"{rival.name} could judge no clip of any fold.")
    return results


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


def _finished(folder: Path, recipe: Recipe) -> bool:
    made_by = folder / RECIPE_FILE
    return (folder / TEST_FILE).is_file() and made_by.is_file() and made_by.read_bytes() == recipe.to_json()


def _train(fold: Fold, recipe: Recipe, folder: Path, cache: Path, words: Words) -> Path:
    def heard(clips: tuple[Clip, ...]) -> tuple[Clip, ...]:
        return with_transcripts(clips, words.sources[0], words.model, cache)

    half_done = (folder / RECIPE_FILE).is_file() and (folder / RECIPE_FILE).read_bytes() == recipe.to_json()
    return fit(Data(heard(fold.train), heard(fold.validation)), recipe, folder, cache, resume=half_done)


def _judge(fold: Fold, checkpoint: Path, cache: Path, words: Words) -> dict[str, Any]:
    recognizer = Recognizer.load(checkpoint)
    return {
        source: report(recognizer, judge(recognizer, with_transcripts(fold.test, source, words.model, cache)))
        for source in words.sources
    }
