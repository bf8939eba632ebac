"""`stser-train`: its commands. What they need is imported when they run, so that help is there at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer import Option

from stser_core import command_line
from stser_core.command_line import with_groups
from stser_core.errors import UsageError
from stser_core.training import options

if TYPE_CHECKING:
    from rich.table import Table

    from stser_core.training.routine import CallData
    from stser_core.training.splits import Fold

PROGRAM = "stser-train"
_REMOVED = {
    "--test-share": "--test-proportion is its name now",
    "--validation-share": "--validation-proportion is its name now",
}
"""Options of version 0.1, and what to use instead."""

app = typer.Typer(
    name=PROGRAM,
    help="Train, cross-validate and evaluate STSER: emotion from speech and text.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _choose(context: typer.Context, debug: Annotated[bool, Option("--debug", help="Show tracebacks.")] = False) -> None:
    """Train, cross-validate and evaluate STSER: emotion from speech and text."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
@with_groups
def fit(
    corpora: options.Corpora,
    calls: options.Calls,
    out: Annotated[Path, Option(help="The run's folder; the checkpoint is written into it.")],
    settings: options.RecipeOptions,
    storage: options.Storage,
    validation: options.Validation = 0.2,
    test_proportion: Annotated[
        float, Option(help="Proportion of the clips, by speaker, that is held out for a test.", min=0, max=0.9)
    ] = 0.0,
    front_end: options.FrontEnd = None,
    seed: Annotated[int | None, Option(min=0, help="Random seed.")] = None,
    start_from: Annotated[
        list[str], Option(help="A checkpoint whose encoders and classifiers the model starts from; repeat it.")
    ] = [],  # noqa: B006 (typer copies it)
    encoder: Annotated[
        str | None,
        Option(help="Train a classifier over a further encoder: NAME=hub:MODEL_ID or NAME=TYPE:key=value,…"),
    ] = None,
    checkpoint: Annotated[
        str | None, Option(help="The checkpoint that gets the classifier of --encoder.", show_default="default")
    ] = None,
    resume: Annotated[bool, Option("--resume", help="Continue an earlier run in --out.")] = False,
    overwrite: Annotated[bool, Option("--overwrite", help="Delete an earlier run in --out.")] = False,
) -> None:
    """Train a model and write its checkpoint; with --encoder, add a classifier to a checkpoint."""
    from stser_core.training.further import add_classifier, parse_encoder
    from stser_core.training.recipe import RunFolder
    from stser_core.training.run import RunData
    from stser_core.training.run import fit as train
    from stser_core.training.splits import divide

    recipe, written = settings.read(seed), RunFolder(out).checkpoint
    if encoder is not None:
        others: dict[str, object] = {"--front-end": front_end, "--start-from": start_from, "--resume": resume}
        others |= {"--test-proportion": test_proportion, "--routine": calls.routine}
        others |= {"--held-out-call": calls.held_out_call, "--service-texts": calls.service_texts}
        others |= {"--preset": settings.preset, "--patience": settings.patience is not None}
        others |= {"--text-encoder": settings.text_encoder, "--classifiers": settings.classifiers}
        _refuse(others, "with --encoder")
        name, entry = parse_encoder(encoder)
        if written.exists() and not overwrite:
            raise UsageError(f"{out} holds a checkpoint: give another --out, or --overwrite to lose it.")
        fold = divide(corpora.clips(), validation, recipe.loop.seed)
        add_classifier(fold, name, entry, recipe, checkpoint or "default", written, storage.folder)
        print(f"The checkpoint is in {written}.", file=sys.stderr)
        return
    if checkpoint is not None:
        raise UsageError("--checkpoint goes with --encoder; a model starts from another's weights by --start-from.")
    weak = calls.read(storage.folder)
    fold = divide(corpora.clips(), validation, recipe.loop.seed, test=test_proportion)
    begin = partial(train, front_end=front_end, starts=start_from, resume=resume, overwrite=overwrite)
    begin(RunData.of(fold, weak), recipe, out, storage.folder)
    print(f"The checkpoint is in {written}.", file=sys.stderr)
    if fold.test or weak.held_out:
        _test(written, fold, weak, storage.folder)


def _test(checkpoint: Path, fold: Fold, weak: CallData, cache: Path) -> None:
    """Evaluate a run's checkpoint on its test clips and held-out calls; the stream tables go into its card."""
    from stser_core.checkpoint import CARD_FILE
    from stser_core.training.caches import BANDS
    from stser_core.training.evaluation import SpeechInputs, clip_report
    from stser_core.training.output import write_atomically, write_json
    from stser_core.training.recipe import RunFolder
    from stser_core.training.report import metrics_table, stream_tables, with_streams
    from stser_core.training.streams import stream_report

    inputs = SpeechInputs.load(checkpoint, cache)
    results = clip_report(inputs, fold.test, BANDS, weak.test) if fold.test else {}
    tables = [metrics_table(results)] if fold.test else []
    streams = stream_report(inputs, fold.test, weak.held_out)
    if streams["streams"] or "routine" in streams:
        results["streams"] = streams
        tables = [*stream_tables(streams), *tables]
        card = checkpoint / CARD_FILE
        write_atomically(card, with_streams(card.read_text(encoding="utf-8"), streams).encode())
    write_json(results, RunFolder(checkpoint.parent).test_file)
    _print(tables)


@app.command("cross-validate")
@with_groups
def cross_validate(
    corpora: options.Corpora,
    calls: options.Calls,
    out: Annotated[Path, Option(help="Where runs and results are kept; call again to continue.")],
    settings: options.RecipeOptions,
    folding: options.Folding,
    storage: options.Storage,
    results: options.Results,
    front_end: options.FrontEnd = None,
    start_from: Annotated[
        Path | None,
        Option(help="The --out of an earlier cross-validation: each fold starts from its checkpoint there."),
    ] = None,
    streams: Annotated[bool, Option("--streams", help="Also evaluate call-like streams.")] = False,
    jobs: Annotated[
        int | None, Option(min=1, help="Folds that are trained at the same time.", show_default="half the cores")
    ] = None,
    overwrite: Annotated[bool, Option("--overwrite", help="Delete runs of other recipes or data in --out.")] = False,
    baseline: options.Baselines = [],  # noqa: B006
) -> None:
    """Train and evaluate every fold, for several seeds, beside the published results."""
    import msgspec

    from stser_core.emotions import LABELS
    from stser_core.training import cross_validation
    from stser_core.training.baselines import baselines_of
    from stser_core.training.output import need_folder, write_json
    from stser_core.training.report import PUBLISHED_OTHERS, PUBLISHED_OURS, cross_validation_table, stream_tables

    results.check(corpora.data)
    recipe, clips, seeds = settings.read(), corpora.clips(), range(folding.seeds)
    chosen = baselines_of(baseline)
    need_folder(out)
    weak = calls.read(storage.folder)
    folds = folding.of(clips)
    protocol = cross_validation.Protocol(
        recipe, storage.folder, weak, front_end=front_end, earlier=start_from, streams=streams, overwrite=overwrite
    )
    jobs = jobs or max(1, (os.cpu_count() or 1) // 2)
    runs = cross_validation.cross_validate(folds, seeds, protocol, out, jobs)
    beside = cross_validation.evaluate_baselines(chosen, folds, seeds, storage.folder, out)
    found = {
        "recipe": msgspec.to_builtins(recipe),
        "plan": folding.results(),
        "labels": LABELS,
        "runs": runs,
        "summary": cross_validation.summary(runs),
        "baselines": beside,
        "published": {"table 1": PUBLISHED_OURS, "table 2": PUBLISHED_OTHERS},
    }
    write_json(found, out / "results.json")
    tables = [cross_validation_table(folding.described(folds), found["summary"], beside)]
    tables += [table for mean in cross_validation.mean_streams(runs) for table in stream_tables(mean)]
    _write(found, results, tables)


@app.command()
@with_groups
def baseline(
    corpora: options.Corpora,
    baseline: options.Baselines,
    folding: options.Folding,
    storage: options.Storage,
    results: options.Results,
) -> None:
    """Evaluate baselines alone, in the folds that cross-validate would use."""
    from stser_core.emotions import LABELS
    from stser_core.training.baselines import baselines_of
    from stser_core.training.cross_validation import evaluate_baselines
    from stser_core.training.report import cross_validation_table

    results.check(corpora.data)
    folds = folding.of(corpora.clips())
    chosen = baselines_of(baseline)
    beside = evaluate_baselines(chosen, folds, range(folding.seeds), storage.folder)
    table = cross_validation_table(folding.described(folds), {}, beside)
    _write({"plan": folding.results(), "labels": LABELS, "baselines": beside}, results, [table])


@app.command()
@with_groups
def evaluate(
    checkpoint: Annotated[str, Option(help="A checkpoint's name, folder or Hub id.")],
    corpora: options.Corpora,
    chosen: options.Chosen,
    calls: options.Calls,
    storage: options.Storage,
    results: options.Results,
    streams: Annotated[
        bool, Option("--streams", help="Call-like streams (and --routine calls) instead of single clips.")
    ] = False,
    prior: Annotated[
        str, Option(help="Class prior of --streams: checkpoint, even, or neutral=0.7,angry=0.1.")
    ] = "checkpoint",
    seed: Annotated[int, Option(min=0, help="Random seed of --streams.")] = 0,
    band: Annotated[Literal["wide", "telephone", "both"], Option(help="Audio band of single clips.")] = "wide",
    classifier: Annotated[str, Option(help="ensemble, or names joined by +.")] = "ensemble",
    accelerator: Annotated[str, Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Evaluate a checkpoint through the recognizer that the monitor runs."""
    from stser_core.ensemble import parse_prior
    from stser_core.errors import DataError
    from stser_core.training.caches import BANDS
    from stser_core.training.evaluation import SpeechInputs, clip_report
    from stser_core.training.report import metrics_table, stream_tables
    from stser_core.training.streams import stream_report

    results.check(corpora.data)
    if streams:
        _refuse({"--band": band != "wide", "--service-texts": calls.service_texts}, "with --streams")
    else:
        _refuse({"--routine": calls.routine, "--prior": prior != "checkpoint", "--seed": seed}, "without --streams")
    if streams and not corpora.data and calls.routine is None:
        raise UsageError("--streams needs --corpus and --data, or --routine FOLDER.")
    clips = chosen.of(corpora.clips()) if corpora.data or corpora.corpus or not streams else ()
    weak = calls.read(storage.folder, train=False)
    used = "checkpoint" if prior == "checkpoint" else parse_prior(prior)
    inputs = SpeechInputs.load(checkpoint, storage.folder, classifier=classifier, accelerator=accelerator, prior=used)
    if not streams:
        found = clip_report(inputs, clips, BANDS if band == "both" else (band,), weak.test)
        _write(found, results, [metrics_table(found)])
        return
    found = stream_report(inputs, clips, weak.held_out, seed=seed)
    if not found["streams"] and "routine" not in found:
        needed = "three recordings of one label by one speaker, or --routine FOLDER"
        raise DataError(f"There is no stream to evaluate; give a checkpoint with a speech classifier, and {needed}.")
    _write(found, results, stream_tables(found))


def _refuse(given: Mapping[str, object], where: str) -> None:
    """Refuse options that are given though they have no effect, by a `UsageError`."""
    for option, value in given.items():
        if value:
            raise UsageError(f"{option} has no effect {where}.")


def _write(found: Mapping[str, Any], results: options.Results, tables: Iterable[Table]) -> None:
    from stser_core.training.output import write_json

    if results.json is not None:
        write_json(found, results.json)
    _print(tables, stderr=results.on_standard_output)


def _print(tables: Iterable[Table], *, stderr: bool = False) -> None:
    from rich.console import Console

    for table in tables:
        Console(stderr=stderr).print(table)


@app.command("export-onnx")
def export_onnx(
    checkpoint: Annotated[str, typer.Argument(metavar="CHECKPOINT", help="A checkpoint's name or folder.")],
    out: Annotated[
        Path | None, Option(metavar="DIR", help="Write a copy of the checkpoint here instead of into its folder.")
    ] = None,
) -> None:
    """Write a checkpoint's graphs for ONNX Runtime, which stser-monitor --runtime onnx needs."""
    from stser_core.checkpoint import resolve
    from stser_core.training.onnx_export import export

    print(f"stser-monitor --runtime onnx can use {export(resolve(checkpoint), out)}.", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; see `command_line.run`."""
    return command_line.run(app, PROGRAM, arguments, _REMOVED)
