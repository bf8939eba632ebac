"""`stser-train`: argument parsing and wiring, nothing else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from stser_core import command_line
from stser_core.errors import UsageError
from stser_core.option_groups import with_groups
from stser_core.training.cli_groups import (
    CacheFolder,
    Corpora,
    Debug,
    Folding,
    Further,
    HoldOutBy,
    HoldOutShare,
    Json,
    Rivals,
    Settings,
    Whisper,
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
    out: Annotated[
        Path, typer.Option(help="The run's folder, in which the checkpoint comes to lie; of a member, the checkpoint.")
    ],
    settings: Settings,
    further: Further,
    seed: Annotated[int | None, typer.Option(min=0, help="Another seed, another run.")] = None,
    validation_by: HoldOutBy = "speaker",
    validation_share: HoldOutShare = 0.2,
    test_share: Annotated[float, typer.Option(help="Speakers held out, and judged at the end.", min=0, max=0.9)] = 0.0,
    start_from: Annotated[
        list[Path], typer.Option(help="A checkpoint whose encoders and classifiers the model begins with; repeat it.")
    ] = [],  # noqa: B006 (typer copies it)
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an earlier run in --out stopped.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Throw away an earlier run in --out.")] = False,
    checkpoint: Annotated[
        str | None, typer.Option(help="The checkpoint that gets the member.", show_default="default")
    ] = None,
    cache: CacheFolder = None,
    debug: Debug = False,
) -> None:
    """Train one model and write its checkpoint; or train a member, and write a checkpoint that has it."""
    from stser_core.checkpoint import DEFAULT
    from stser_core.training import commands
    from stser_core.training.folds import HoldOut
    from stser_core.training.members.commands import fit_member
    from stser_core.training.options import cache_folder

    cache = cache or cache_folder()
    if further.member is not None:
        alone = {"resume": resume, "overwrite": overwrite, "teacher": further.teacher, "start_from": start_from}
        how = settings.of_member(seed, **alone)
        hold_out = HoldOut(validation_by, validation_share, how.training.seed)
        member = further.wanted()
        fit_member(corpora.clips(), member, how, hold_out, test_share, checkpoint or DEFAULT, out, cache)
        return
    if checkpoint is not None:
        raise UsageError("--checkpoint goes with --member; a model begins with another's weights by --start-from.")
    recipe = settings.of_model(seed)
    commands.fit_and_test(
        corpora.clips(),
        recipe,
        HoldOut(validation_by, validation_share, recipe.seed),
        test_share,
        out,
        cache,
        teacher=further.encodings(cache),
        starts=start_from,
        resume=resume,
        overwrite=overwrite,
    )


@app.command("cross-validate")
@with_groups
def cross_validate(
    corpora: Corpora,
    out: Annotated[Path, typer.Option(help="Where runs and results are kept; call again to go on.")],
    settings: Settings,
    folding: Folding,
    further: Further,
    wording: Wording,
    start_from: Annotated[
        Path | None,
        typer.Option(help="The --out of an earlier cross-validation: each fold begins with its checkpoint there."),
    ] = None,
    join: Annotated[
        bool,
        typer.Option("--join", help="Of --member: the folds' checkpoints keep it; the next one is judged beside it."),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Throw away runs of other recipes or data in --out.")
    ] = False,
    rivals: Rivals = [],  # noqa: B006
    cache: CacheFolder = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Train and judge every fold, for several seeds, beside the published figures; or a member in the same folds."""
    from stser_core.training import commands
    from stser_core.training.members.commands import cross_validate_member
    from stser_core.training.options import cache_folder

    cache, plan = cache or cache_folder(), folding.plan()
    if further.member is not None:
        recipe = settings.of_member(
            rival=rivals,
            teacher=further.teacher,
            start_from=start_from,
            overwrite=overwrite,
            transcripts=wording.transcripts,
            asr_model=wording.asr_model,
        )
        cross_validate_member(corpora.clips(json), further.wanted(), recipe, plan, out, cache, json, join=join)
        return
    if join:
        raise UsageError("--join goes with --member.")
    model, words, teacher = settings.of_model(), wording.words(), further.encodings(cache)
    commands.cross_validate(
        corpora.clips(json),
        model,
        plan,
        words,
        rivals,
        out,
        cache,
        json,
        teacher=teacher,
        earlier=start_from,
        overwrite=overwrite,
    )


@app.command()
@with_groups
def baseline(
    corpora: Corpora,
    rivals: Rivals,
    folding: Folding,
    cache: CacheFolder = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Judge rivals alone, in the folds that cross-validate would use."""
    from stser_core.features import FeatureSettings
    from stser_core.training import commands
    from stser_core.training.options import cache_folder

    commands.baseline(corpora.clips(json), folding.plan(), rivals, FeatureSettings(), cache or cache_folder(), json)


@app.command()
@with_groups
def evaluate(
    checkpoint: Annotated[str, typer.Option(help="A checkpoint's name, folder or Hub id.")],
    corpora: Corpora,
    json: Json = None,
    band: Annotated[Literal["wide", "telephone", "both"], typer.Option(help="As recorded, or over the line.")] = "wide",
    classifier: Annotated[str, typer.Option(help="ensemble, or names joined by +.")] = "ensemble",
    session: Annotated[list[str], typer.Option(help="Only clips of this session; repeat it.")] = [],  # noqa: B006
    speaker: Annotated[list[str], typer.Option(help="Only clips of this speaker; repeat it.")] = [],  # noqa: B006
    split: Annotated[Literal["train", "validation", "test"] | None, typer.Option(help="Only clips of it.")] = None,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    whisper: Whisper = None,
    cache: CacheFolder = None,
    debug: Debug = False,
) -> None:
    """Judge a checkpoint on a corpus, through the recognizer that the monitor runs."""
    from stser_core.training import commands
    from stser_core.training.options import cache_folder, chosen

    clips = chosen(corpora.clips(json), sessions=session, speakers=speaker, split=split)
    commands.evaluate(clips, checkpoint, classifier, band, accelerator, json, whisper, cache or cache_folder())


@app.command()
@with_groups
def average(
    checkpoints: Annotated[list[Path], typer.Argument(help="Checkpoint folders of runs that began alike.")],
    out: Annotated[Path, typer.Option(help="The new checkpoint's folder.")],
    debug: Debug = False,
) -> None:
    """Make one checkpoint of several that began with the same weights: the mean of theirs."""
    from stser_core.training import averaging

    print(f"The average is in {averaging.average(checkpoints, out)}.", file=sys.stderr)


@app.command("pretrain-text")
def pretrain_text(
    texts: Annotated[list[Path], typer.Option(help="Unlabelled texts: a TSV or CSV with a column text; repeat it.")],
    teacher: Annotated[str, typer.Option(help="A sentence encoder: Hub id or folder.")],
    vocabulary: Annotated[Path, typer.Option(help="A folder with ALBERT's spiece.model or tokenizer.json.")],
    out: Annotated[Path, typer.Option(help="The run's folder; the encoder comes to lie in it. Call again to go on.")],
    judged_by: Annotated[
        list[Path],
        typer.Option(help="A labelled TSV whose texts outside the training split are left out; repeat it."),
    ] = [],  # noqa: B006 (typer copies it)
    layers: Annotated[int, typer.Option(min=1)] = 4,
    hidden: Annotated[int, typer.Option(min=1)] = 256,
    epochs: Annotated[float, typer.Option(min=0.0)] = 2.0,
    batch: Annotated[int, typer.Option(min=1)] = 128,
    learning_rate: Annotated[float, typer.Option(min=0.0)] = 1e-3,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another run.")] = 0,
    cache: Annotated[Path | None, typer.Option(help="Where the teacher's vectors are kept.")] = None,
    debug: Debug = False,
) -> None:
    """Pre-train a compact ALBERT: it learns what a sentence encoder makes of unlabelled text."""
    from stser_core.training.options import cache_folder
    from stser_core.training.text_encoder.pretraining import Pretraining, pretrain
    from stser_core.training.text_encoder.teacher import SentenceTeacher
    from stser_core.training.text_encoder.texts import read_texts

    settings = Pretraining(
        hidden=hidden, layers=layers, epochs=epochs, batch=batch, learning_rate=learning_rate, seed=seed
    )
    read = read_texts(texts, judged_by)
    encoder = pretrain(read, SentenceTeacher(teacher), vocabulary, settings, out, cache or cache_folder())
    print(f"The encoder is in {encoder}; train with it by --text-encoder.", file=sys.stderr)


@app.command("label-texts")
def label_texts(
    labelled: Annotated[list[Path], typer.Option(help="A manifest of labelled texts; repeat it.")],
    texts: Annotated[list[Path], typer.Option(help="Texts to label: a TSV or CSV with a column text; repeat it.")],
    encoder: Annotated[str, typer.Option(help="A sentence encoder to fine-tune: Hub id or folder.")],
    out: Annotated[Path, typer.Option(help="The run's folder; texts.tsv comes to lie in it. Call again to go on.")],
    most: Annotated[int, typer.Option(min=1, help="At most so many texts, drawn at random.")] = 150_000,
    epochs: Annotated[float, typer.Option(min=0.0)] = 1.5,
    batch: Annotated[int, typer.Option(min=1)] = 32,
    learning_rate: Annotated[float, typer.Option(min=0.0)] = 5e-5,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another run.")] = 0,
    debug: Debug = False,
) -> None:
    """Let a large text encoder, fine-tuned on labelled texts, label others for a compact one to learn from."""
    from stser_core.training.options import clips_of
    from stser_core.training.output import need_folder
    from stser_core.training.text_encoder import labelling
    from stser_core.training.text_encoder.texts import read_texts, some_of

    settings = labelling.Labelling(epochs=epochs, batch=batch, learning_rate=learning_rate, seed=seed)
    clips = clips_of(["manifest"] * len(labelled), labelled)
    chosen = some_of(read_texts(texts, labelled), most, seed)
    need_folder(out)
    manifest, ua = labelling.label_texts(clips, chosen, encoder, settings, out)
    print(
        f"{manifest} has {len(chosen):,} texts, labelled with a UA of {100 * ua:.1f}; train with it by --data.",
        file=sys.stderr,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; see `command_line.run`."""
    return command_line.run(app, PROGRAM, arguments)
