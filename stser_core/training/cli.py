"""`stser-train`: argument parsing and wiring, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from stser_core import command_line
from stser_core.errors import UsageError
from stser_core.option_groups import with_groups
from stser_core.training.cli_groups import (
    Baselines,
    CacheFolder,
    Calls,
    Corpora,
    Debug,
    Folding,
    FrontEnd,
    Json,
    Settings,
    Validation,
    Wording,
    default_jobs,
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
    front_end: FrontEnd = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Random seed.")] = None,
    validation: Validation = 0.2,
    test_proportion: Annotated[
        float, typer.Option(help="Proportion of the clips whose speakers are tested at the end.", min=0, max=0.9)
    ] = 0.0,
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
    cache: CacheFolder = None,
    debug: Debug = False,
) -> None:
    """Train a model and write its checkpoint; with --encoder, add a classifier to a checkpoint."""
    from stser_core.checkpoint import DEFAULT
    from stser_core.training import commands
    from stser_core.training.options import cache_folder
    from stser_core.training.splits import HoldOut

    cache = cache or cache_folder()
    recipe = settings.read(seed)
    hold_out = HoldOut(validation, recipe.loop.seed)
    if encoder is not None:
        commands.fit_encoder(corpora.clips(), encoder, recipe, hold_out, checkpoint or DEFAULT, out, cache)
        return
    if checkpoint is not None:
        raise UsageError("--checkpoint goes with --encoder; a model starts from another's weights by --start-from.")
    weak = calls.read(cache)
    commands.fit_and_test(
        corpora.clips(),
        weak,
        recipe,
        hold_out,
        test_proportion,
        out,
        cache,
        front_end=front_end,
        starts=start_from,
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
    front_end: FrontEnd = None,
    start_from: Annotated[
        Path | None,
        typer.Option(help="The --out of an earlier cross-validation: each fold starts from its checkpoint there."),
    ] = None,
    streams: Annotated[bool, typer.Option("--streams", help="Also evaluate call-like streams.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Folds that are trained at the same time.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete runs of other recipes or data in --out.")
    ] = False,
    baseline: Baselines = [],  # noqa: B006
    cache: CacheFolder = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Train and evaluate every fold, for several seeds, beside the published results."""
    from stser_core.training import commands
    from stser_core.training.options import cache_folder

    cache = cache or cache_folder()
    weak = calls.read(cache)
    commands.cross_validate(
        corpora.clips(json),
        weak,
        settings.read(),
        folding.plan(),
        wording.words(),
        baseline,
        out,
        cache,
        json,
        front_end=front_end,
        earlier=start_from,
        streams=streams,
        jobs=jobs or default_jobs(),
        overwrite=overwrite,
    )


@app.command()
@with_groups
def baseline(
    corpora: Corpora,
    baseline: Baselines,
    folding: Folding,
    cache: CacheFolder = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Evaluate baselines alone, in the folds that cross-validate would use."""
    from stser_core.config import FeatureConfig
    from stser_core.training import commands
    from stser_core.training.options import cache_folder

    clips = corpora.clips(json)
    commands.baseline(clips, folding.plan(), baseline, FeatureConfig(), cache or cache_folder(), json)


@app.command()
@with_groups
def evaluate(
    checkpoint: Annotated[str, typer.Option(help="A checkpoint's name, folder or Hub id.")],
    corpora: Corpora,
    calls: Calls,
    json: Json = None,
    streams: Annotated[
        bool, typer.Option("--streams", help="Call-like streams (and --routine calls) instead of single clips.")
    ] = False,
    prior: Annotated[
        str, typer.Option(help="Class prior of --streams: checkpoint, even, or neutral=0.7,angry=0.1.")
    ] = "checkpoint",
    seed: Annotated[int, typer.Option(min=0, help="Random seed of --streams.")] = 0,
    band: Annotated[Literal["wide", "telephone", "both"], typer.Option(help="Audio band of single clips.")] = "wide",
    classifier: Annotated[str, typer.Option(help="ensemble, or names joined by +.")] = "ensemble",
    session: Annotated[list[str], typer.Option(help="Only clips of this session; repeat it.")] = [],  # noqa: B006
    speaker: Annotated[list[str], typer.Option(help="Only clips of this speaker; repeat it.")] = [],  # noqa: B006
    split: Annotated[
        Literal["train", "validation", "test"] | None, typer.Option(help="Evaluate only this split.")
    ] = None,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    cache: CacheFolder = None,
    debug: Debug = False,
) -> None:
    """Evaluate a checkpoint through the recognizer that the monitor runs."""
    from stser_core.training import commands
    from stser_core.training.options import cache_folder, chosen

    clips = corpora.clips(json) if corpora.corpus or corpora.data else ()
    clips = chosen(clips, sessions=session, speakers=speaker, split=split) if clips else ()
    given = commands.Evaluated(checkpoint, classifier, accelerator, clips, calls.read(cache or cache_folder()))
    if streams:
        commands.evaluate_streams(given, calls.held_out_call, calls.routine, prior, seed, json)
    else:
        commands.evaluate(given, band, json)


@app.command("front-end")
def front_end(
    whisper: Annotated[
        list[Path],
        typer.Argument(help="Whisper in CTranslate2's format: its folder, its model.bin, or parts of this in order."),
    ],
    out: Annotated[Path, typer.Option(help="The file front_end.safetensors that is written.")],
    layers: Annotated[int, typer.Option(min=0, help="How many layers of the encoder.")] = 3,
    debug: Debug = False,
) -> None:
    """Make the front end's weights (int8) from a Whisper model."""
    from stser_core.training.whisper_weights import write_front_end

    write_front_end(whisper, layers, out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; see `command_line.run`."""
    return command_line.run(app, PROGRAM, arguments)
