"""What the commands of `stser-train` do, once their options are understood."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from rich.console import Console

from stser_core.emotions import LABELS
from stser_core.recognizer import Recognizer
from stser_core.training import cross_validation
from stser_core.training.clip import Clip
from stser_core.training.distributed import is_first
from stser_core.training.division import divide, refuse_doubles
from stser_core.training.evaluation import BANDS, Band, judge, report
from stser_core.training.folds import Fold, HoldOut
from stser_core.training.members.commands import encoder_for
from stser_core.training.output import need_folder, need_writable, write_json
from stser_core.training.pair_evaluation import pair_report
from stser_core.training.pictures import draw_confusion
from stser_core.training.plan import Plan
from stser_core.training.published import TABLE_1, TABLE_2
from stser_core.training.rivals import Rival, rival
from stser_core.training.run import Data, fit
from stser_core.training.run_folder import TEST_FILE
from stser_core.training.settings import Recipe
from stser_core.training.sound_cache import SoundCache
from stser_core.training.tables import cross_validation_table, metrics_table
from stser_core.training.transcripts import need_recognisers

if TYPE_CHECKING:
    from rich.table import Table

    from stser_core.features import FeatureSettings
    from stser_core.training.members.cache import EncodingCache
    from stser_core.training.members.encoders import SequenceEncoder
    from stser_core.training.transcripts import Words

RESULTS_FILE = "results.json"
RIVALS_FOLDER = "rivals"
CONFUSION_PICTURE = "confusion.png"


def fit_and_test(
    clips: Sequence[Clip],
    recipe: Recipe,
    hold_out: HoldOut,
    test_share: float,
    out: Path,
    cache: Path,
    *,
    teacher: EncodingCache[SequenceEncoder] | None = None,
    starts: Sequence[Path] = (),
    resume: bool,
    overwrite: bool = False,
) -> None:
    """Train on clips, and judge the result on speakers that it never heard, where some were held out.

    Args:
        clips: Where they fix their own splits, these hold.
        recipe: All settings.
        hold_out: How validation clips are taken out of the training part.
        test_share: Share of clips whose speakers are held out to test; 0 for none.
        out: The run's folder.
        cache: Where decoded sound is kept.
        teacher: See `run.fit`.
        starts: See `run.fit`.
        resume: Go on where an earlier run stopped.
        overwrite: Throw away the run that is there.
    """
    recipe = _taught(recipe, teacher)
    refuse_doubles(clips)
    fold = divide(clips, hold_out, test_share)
    checkpoint = fit(
        Data(fold.train, fold.validation),
        recipe,
        out,
        cache,
        teacher=teacher,
        starts=starts,
        resume=resume,
        overwrite=overwrite,
    )
    if not is_first():
        return
    print(f"The checkpoint is in {checkpoint}.", file=sys.stderr)
    if fold.test:
        recognizer = Recognizer.load(checkpoint, accelerator="cpu")
        figures = report(recognizer, judge(recognizer, fold.test, bands=BANDS))
        figures |= pair_report(recognizer, fold.test, recognizer.classifiers)
        write_json(figures, out / TEST_FILE)
        _print_table(metrics_table(figures), None)


def evaluate(
    clips: Sequence[Clip],
    checkpoint: str,
    classifier: str,
    band: Literal["wide", "telephone", "both"],
    accelerator: str,
    json: Path | None,
    whisper: Path | None,
    cache: Path,
) -> None:
    """Judge a checkpoint and write the figures; `whisper` is the folder of the encoder that its member reads."""
    refuse_doubles(clips)
    need_writable(json)
    recognizer = Recognizer.load(checkpoint, classifier=classifier, accelerator=accelerator)
    bands: Sequence[Band] = BANDS if band == "both" else (band,)
    encode, encoders = encoder_for(recognizer, whisper, cache)
    judged = judge(recognizer, clips, bands=bands, encode=encode)
    answering = recognizer.answering(encoders=encoders)
    figures = report(recognizer, judged, answering) | pair_report(recognizer, clips, answering, encode)
    if json is not None:
        write_json(figures, json)
    _print_table(metrics_table(figures), json)


def cross_validate(
    clips: Sequence[Clip],
    recipe: Recipe,
    plan: Plan,
    words: Words,
    rivals: Sequence[str],
    out: Path,
    cache: Path,
    json: Path | None,
    teacher: EncodingCache[SequenceEncoder] | None = None,
    earlier: Path | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Train and judge every fold, print the table, and leave everything in `out`."""
    recipe = _taught(recipe, teacher)
    refuse_doubles(clips)
    chosen = {name.lower(): rival(name) for name in rivals}
    need_writable(json)
    need_folder(out)
    need_recognisers(words)
    folds = plan.folds_of(clips)
    results = cross_validation.cross_validate(
        folds, recipe, plan.seeds, out, cache, words, teacher, earlier, overwrite=overwrite
    )
    if not is_first():
        return
    ours = {source: cross_validation.summary(results, source) for source in words.sources}
    beside = _rival_figures(chosen, folds, plan, recipe.model.features, cache, out)
    everything = {
        "recipe": msgspec.to_builtins(recipe),
        "plan": msgspec.to_builtins(plan),
        "labels": LABELS,
        "runs": results,
        "summary": ours,
        "rivals": beside,
        "published": {"table 1": dict(TABLE_1), "table 2": dict(TABLE_2)},
    }
    write_json(everything, out / RESULTS_FILE)
    counts = cross_validation.confusion(results, words.sources[0], "ensemble")
    draw_confusion(counts, f"{plan.described(folds)}, ensemble", out / CONFUSION_PICTURE)
    if json is not None:
        write_json(everything, json)
    _print_table(cross_validation_table(plan.described(folds), ours, _summaries(beside)), json)


def baseline(
    clips: Sequence[Clip], plan: Plan, rivals: Sequence[str], features: FeatureSettings, cache: Path, json: Path | None
) -> None:
    """Judge rivals alone, in the folds that `cross_validate` would use; of several processes only the first does."""
    if not is_first():
        return
    refuse_doubles(clips)
    chosen = {name.lower(): rival(name) for name in rivals}
    need_writable(json)
    folds = plan.folds_of(clips)
    beside = _rival_figures(chosen, folds, plan, features, cache, None)
    if json is not None:
        write_json({"plan": msgspec.to_builtins(plan), "labels": LABELS, "rivals": beside}, json)
    _print_table(cross_validation_table(plan.described(folds), {}, _summaries(beside)), json)


def _taught(recipe: Recipe, teacher: EncodingCache[SequenceEncoder] | None) -> Recipe:
    return recipe if teacher is None else replace(recipe, teacher=teacher.encoder.name)


def _rival_figures(
    chosen: Mapping[str, Rival],
    folds: Sequence[Fold],
    plan: Plan,
    features: FeatureSettings,
    cache: Path,
    out: Path | None,
) -> dict[str, dict[str, Any]]:
    """Each rival's figures by its name; those that `out` keeps from an earlier call are not made again."""
    if not chosen:
        return {}
    clips = [clip for fold in folds for part in (fold.train, fold.validation, fold.test) for clip in part]
    sounds = SoundCache.of(clips, cache, features)
    beside: dict[str, dict[str, Any]] = {}
    for key, one in chosen.items():
        store = None if out is None else out / RIVALS_FOLDER / f"{key}.json"
        runs = [
            run
            for seed in plan.seeds
            for run in cross_validation.judge_rival(
                one, folds, sounds, cache, seed, store=store, described=repr((one, features))
            )
        ]
        spread = {figure: cross_validation.Spread.of(run[figure] for run in runs) for figure in ("wa", "ua")}
        beside[one.name] = {"runs": runs, "summary": spread}
    return beside


def _summaries(beside: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, cross_validation.Spread]]:
    return {name: one["summary"] for name, one in beside.items()}


def _print_table(table: Table, json: Path | None) -> None:
    """On standard output, unless the figures go there."""
    Console(stderr=json is not None and str(json) == "-").print(table)
