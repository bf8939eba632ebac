"""`stser-train`: argument parsing and wiring, nothing else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from stser_core import command_line
from stser_core.errors import UsageError
from stser_core.option_groups import with_groups
from stser_core.training.options import (
    Baselines,
    Calls,
    Chosen,
    Corpora,
    Debug,
    Dividing,
    Folding,
    FrontEnd,
    Results,
    Settings,
    Storage,
    Wording,
)

PROGRAM = "stser-train"

app = typer.Typer(
    name=PROGRAM,
    help="Train, cross-validate and evaluate STSER: emotion from speech and text.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _choose(context: typer.Context) -> None:
    """Train, cross-validate and evaluate STSER: emotion from speech and text."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
@with_groups
def fit(
    corpora: Corpora,
    calls: Calls,
    out: Annotated[Path, typer.Option(help="The run's folder; the checkpoint is written into it.")],
    settings: Settings,
    dividing: Dividing,
    storage: Storage,
    front_end: FrontEnd = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Random seed.")] = None,
    start_from: Annotated[
        list[Path], typer.Option(help="A checkpoint whose encoders and classifiers the model starts from; repeat it.")
    ] = [],  # noqa: B006 (typer copies it)
    encoder: Annotated[
        str | None,
        typer.Option(help="Train a classifier over a further encoder: NAME=hub:MODEL_ID or NAME=TYPE:key=value,…"),
    ] = None,
    checkpoint: Annotated[
        str | None, typer.Option(help="The checkpoint that gets the classifier of --encoder.", show_default="default")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an earlier run in --out.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Delete an earlier run in --out.")] = False,
    debug: Debug = False,
) -> None:
    """Train a model and write its checkpoint; with --encoder, add a classifier to a checkpoint."""
    from stser_core.training import commands

    if encoder is not None:
        commands.fit_encoder(
            corpora, settings, dividing, storage, out, encoder=encoder, checkpoint=checkpoint or "default", seed=seed
        )
        return
    if checkpoint is not None:
        raise UsageError("--checkpoint goes with --encoder; a model starts from another's weights by --start-from.")
    commands.fit(
        corpora,
        calls,
        settings,
        dividing,
        storage,
        out,
        front_end=front_end,
        starts=start_from,
        seed=seed,
        resume=resume,
        overwrite=overwrite,
    )


@app.command("cross-validate")
@with_groups
def cross_validate(
    corpora: Corpora,
    calls: Calls,
    out: Annotated[Path, typer.Option(help="Where runs and results are kept; call again to continue.")],
    settings: Settings,
    folding: Folding,
    wording: Wording,
    storage: Storage,
    results: Results,
    front_end: FrontEnd = None,
    start_from: Annotated[
        Path | None,
        typer.Option(help="The --out of an earlier cross-validation: each fold starts from its checkpoint there."),
    ] = None,
    streams: Annotated[bool, typer.Option("--streams", help="Also evaluate call-like streams.")] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Folds that are trained at the same time.", show_default="half the cores")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete runs of other recipes or data in --out.")
    ] = False,
    baseline: Baselines = [],  # noqa: B006
    debug: Debug = False,
) -> None:
    """Train and evaluate every fold, for several seeds, beside the published results."""
    from stser_core.training import commands

    commands.cross_validate(
        corpora,
        calls,
        settings,
        folding,
        wording,
        storage,
        results,
        out,
        baselines=baseline,
        front_end=front_end,
        earlier=start_from,
        streams=streams,
        jobs=jobs or max(1, (os.cpu_count() or 1) // 2),
        overwrite=overwrite,
    )


@app.command()
@with_groups
def baseline(
    corpora: Corpora, baseline: Baselines, folding: Folding, storage: Storage, results: Results, debug: Debug = False
) -> None:
    """Evaluate baselines alone, in the folds that cross-validate would use."""
    from stser_core.training import commands

    commands.baseline(corpora, folding, storage, results, baseline)


@app.command()
@with_groups
def evaluate(
    checkpoint: Annotated[str, typer.Option(help="A checkpoint's name, folder or Hub id.")],
    corpora: Corpora,
    chosen: Chosen,
    calls: Calls,
    storage: Storage,
    results: Results,
    streams: Annotated[
        bool, typer.Option("--streams", help="Call-like streams (and --routine calls) instead of single clips.")
    ] = False,
    prior: Annotated[
        str, typer.Option(help="Class prior of --streams: checkpoint, even, or neutral=0.7,angry=0.1.")
    ] = "checkpoint",
    seed: Annotated[int, typer.Option(min=0, help="Random seed of --streams.")] = 0,
    band: Annotated[Literal["wide", "telephone", "both"], typer.Option(help="Audio band of single clips.")] = "wide",
    classifier: Annotated[str, typer.Option(help="ensemble, or names joined by +.")] = "ensemble",
    accelerator: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    debug: Debug = False,
) -> None:
    """Evaluate a checkpoint through the recognizer that the monitor runs."""
    from stser_core.training import commands

    given = (checkpoint, corpora, chosen, calls, storage, results)
    if streams:
        commands.evaluate_streams(*given, classifier=classifier, accelerator=accelerator, prior=prior, seed=seed)
    else:
        commands.evaluate(*given, classifier=classifier, accelerator=accelerator, band=band)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; see `command_line.run`."""
    return command_line.run(app, PROGRAM, arguments)
