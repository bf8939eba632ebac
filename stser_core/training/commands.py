"""What the commands of `stser-train` do, once their options are understood."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from rich.console import Console
from rich.table import Table

from stser_core.checkpoint import CARD_FILE
from stser_core.config import FeatureConfig
from stser_core.emotions import LABELS
from stser_core.ensemble import parse_prior
from stser_core.errors import UsageError
from stser_core.training.baselines import Baseline, baseline_of
from stser_core.training.caches import SoundCache
from stser_core.training.clip import Clip
from stser_core.training.cross_validation import (
    Protocol,
    evaluate_baseline,
    mean_streams,
    spread,
    summary,
)
from stser_core.training.cross_validation import cross_validate as train_and_evaluate
from stser_core.training.evaluation import baseline_modes, pair_report, predict, report, service_report
from stser_core.training.options import (
    Calls,
    Chosen,
    Corpora,
    Dividing,
    Folding,
    Results,
    Settings,
    Storage,
    Wording,
)
from stser_core.training.output import need_folder, write_atomically, write_json
from stser_core.training.report import (
    PUBLISHED_OTHERS,
    PUBLISHED_OURS,
    cross_validation_table,
    metrics_table,
    stream_tables,
    with_streams,
)
from stser_core.training.routine import read_calls
from stser_core.training.run import RunData
from stser_core.training.run import fit as train
from stser_core.training.run_folder import RunFolder
from stser_core.training.speech_inputs import BANDS, Band, SpeechInputs
from stser_core.training.splits import Fold, FoldPlan, divide
from stser_core.training.streams import stream_report
from stser_core.training.transcripts import need_transcribers

RESULTS_FILE = "results.json"
BASELINES_FOLDER = "baselines"


def fit(
    corpora: Corpora,
    calls: Calls,
    settings: Settings,
    dividing: Dividing,
    storage: Storage,
    out: Path,
    *,
    front_end: Path | None,
    starts: Sequence[Path],
    seed: int | None,
    resume: bool,
    overwrite: bool,
) -> None:
    """Train a model, and evaluate it on the test clips, where there are some."""
    recipe = settings.read(seed)
    weak = calls.read(storage.folder)
    clips = corpora.clips()
    fold = divide(clips, dividing.hold_out(recipe.loop.seed), dividing.test_proportion)
    reads = any(clip.text for clip in clips)
    added = tuple(clip for clip in weak.train if clip.path is not None or reads)
    data = RunData(fold.train + added, fold.validation + (weak.validation if reads else ()), weak.pauses)
    checkpoint = train(
        data, recipe, out, storage.folder, front_end=front_end, starts=starts, resume=resume, overwrite=overwrite
    )
    print(f"The checkpoint is in {checkpoint}.", file=sys.stderr)
    if not fold.test:
        return
    inputs = SpeechInputs.load(checkpoint, storage.folder)
    prior, inputs.recognizer.prior = inputs.recognizer.prior, None
    results = _single_clips(inputs, fold.test, BANDS) | service_report(inputs.recognizer, weak.test)
    tables = [metrics_table(results)]
    inputs.recognizer.prior = prior
    streams = stream_report(inputs, fold.test, weak.held_out)
    if streams["streams"] or "routine" in streams:
        results["streams"] = streams
        tables = [*stream_tables(streams), *tables]
        card = checkpoint / CARD_FILE
        write_atomically(card, with_streams(card.read_text(encoding="utf-8"), streams).encode())
    write_json(results, RunFolder(out).test_file)
    _print(tables)


def fit_encoder(
    corpora: Corpora,
    settings: Settings,
    dividing: Dividing,
    storage: Storage,
    out: Path,
    *,
    encoder: str,
    checkpoint: str,
    seed: int | None,
) -> None:
    """Train a classifier over a further encoder, and write the checkpoint that has it."""
    from stser_core.training.further import add_classifier, parse_encoder

    name, entry = parse_encoder(encoder)
    recipe = settings.read(seed)
    fold = divide(corpora.clips(), dividing.hold_out(recipe.loop.seed))
    written = add_classifier(fold, name, entry, recipe, checkpoint, out, storage.folder)
    print(f"The checkpoint is in {written}.", file=sys.stderr)


def evaluate(
    checkpoint: str,
    corpora: Corpora,
    chosen: Chosen,
    calls: Calls,
    storage: Storage,
    results: Results,
    *,
    classifier: str,
    accelerator: str,
    band: Literal["wide", "telephone", "both"],
) -> None:
    """Evaluate single clips, without a class prior."""
    results.check(corpora.data)
    clips = chosen.of(corpora.clips())
    weak = calls.read(storage.folder)
    inputs = SpeechInputs.load(checkpoint, storage.folder, classifier=classifier, accelerator=accelerator, prior=None)
    bands: Sequence[Band] = BANDS if band == "both" else (band,)
    found = _single_clips(inputs, clips, bands) | service_report(inputs.recognizer, weak.test)
    _write(found, results, [metrics_table(found)])


def evaluate_streams(
    checkpoint: str,
    corpora: Corpora,
    chosen: Chosen,
    calls: Calls,
    storage: Storage,
    results: Results,
    *,
    classifier: str,
    accelerator: str,
    prior: str,
    seed: int,
) -> None:
    """Evaluate call-like streams and routine calls: those that are held out, or all where none is named."""
    results.check(corpora.data)
    if not corpora.data and calls.routine is None:
        raise UsageError("--streams needs --corpus and --data, or --routine FOLDER.")
    clips = chosen.of(corpora.clips()) if corpora.corpus or corpora.data else ()
    channels = calls.read(storage.folder).held_out
    if calls.routine is not None and not calls.held_out_call:
        channels = tuple(read_calls(calls.routine)[0])
    inputs = SpeechInputs.load(
        checkpoint,
        storage.folder,
        classifier=classifier,
        accelerator=accelerator,
        prior="checkpoint" if prior == "checkpoint" else parse_prior(prior),
    )
    found = stream_report(inputs, clips, channels, seed=seed)
    _write(found, results, stream_tables(found))


def cross_validate(
    corpora: Corpora,
    calls: Calls,
    settings: Settings,
    folding: Folding,
    wording: Wording,
    storage: Storage,
    results: Results,
    out: Path,
    *,
    baselines: Sequence[str],
    front_end: Path | None,
    earlier: Path | None,
    streams: bool,
    jobs: int,
    overwrite: bool,
) -> None:
    """Train and evaluate every fold, print the table, and leave everything in `out`."""
    results.check(corpora.data)
    recipe, plan, words = settings.read(), folding.plan(), wording.words()
    clips = corpora.clips()
    chosen = _by_name(baselines)
    need_folder(out)
    need_transcribers(words)
    weak = calls.read(storage.folder)
    folds = plan.folds_of(clips)
    protocol = Protocol(
        recipe,
        storage.folder,
        words,
        weak=weak.train,
        pauses=weak.pauses,
        routine=weak.held_out,
        front_end=front_end,
        earlier=earlier,
        streams=streams,
        overwrite=overwrite,
    )
    runs = train_and_evaluate(folds, plan.seeds, protocol, out, jobs)
    ours = {source: summary(runs, source) for source in words.sources}
    beside = _baselines(chosen, folds, plan, recipe.model.features, storage.folder, out)
    everything = {
        "recipe": msgspec.to_builtins(recipe),
        "plan": msgspec.to_builtins(plan),
        "labels": LABELS,
        "runs": runs,
        "summary": ours,
        "baselines": beside,
        "published": {"table 1": PUBLISHED_OURS, "table 2": PUBLISHED_OTHERS},
    }
    write_json(everything, out / RESULTS_FILE)
    table = cross_validation_table(plan.described(folds), ours, {name: one["summary"] for name, one in beside.items()})
    _write(everything, results, [table, *(each for mean in mean_streams(runs) for each in stream_tables(mean))])


def baseline(corpora: Corpora, folding: Folding, storage: Storage, results: Results, baselines: Sequence[str]) -> None:
    """Evaluate baselines alone, in the folds that `cross_validate` would use."""
    results.check(corpora.data)
    plan = folding.plan()
    folds = plan.folds_of(corpora.clips())
    beside = _baselines(_by_name(baselines), folds, plan, FeatureConfig(), storage.folder, None)
    table = cross_validation_table(plan.described(folds), {}, {name: one["summary"] for name, one in beside.items()})
    _write({"plan": msgspec.to_builtins(plan), "labels": LABELS, "baselines": beside}, results, [table])


def _single_clips(inputs: SpeechInputs, clips: Sequence[Clip], bands: Sequence[Band]) -> dict[str, Any]:
    found = predict(inputs, clips, bands=bands, baselines=baseline_modes(inputs.recognizer))
    return report(inputs.recognizer, found) | pair_report(inputs, clips)


def _by_name(baselines: Sequence[str]) -> dict[str, Baseline]:
    return {name.lower(): baseline_of(name) for name in baselines}


def _baselines(
    chosen: Mapping[str, Baseline],
    folds: Sequence[Fold],
    plan: FoldPlan,
    features: FeatureConfig,
    cache: Path,
    out: Path | None,
) -> dict[str, dict[str, Any]]:
    """Each baseline's metrics by its name; those that `out` keeps from an earlier call are not made again."""
    if not chosen:
        return {}
    clips = [clip for fold in folds for part in (fold.train, fold.validation, fold.test) for clip in part]
    sounds = SoundCache(clips, cache, features)
    beside: dict[str, dict[str, Any]] = {}
    for key, one in chosen.items():
        store = None if out is None else out / BASELINES_FOLDER / key
        described = repr((one, features))
        runs = [
            run
            for seed in plan.seeds
            for run in evaluate_baseline(one, folds, sounds, cache, seed, store=store, described=described)
        ]
        beside[one.name] = {
            "runs": runs,
            "summary": {metric: spread(run[metric] for run in runs) for metric in ("wa", "ua")},
        }
    return beside


def _write(found: Mapping[str, Any], results: Results, tables: Iterable[Table]) -> None:
    if results.json is not None:
        write_json(found, results.json)
    _print(tables, stderr=results.on_standard_output)


def _print(tables: Iterable[Table], *, stderr: bool = False) -> None:
    for table in tables:
        Console(stderr=stderr).print(table)
