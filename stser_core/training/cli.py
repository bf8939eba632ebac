"""`stser-train`: argument parsing and wiring, nothing else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from stser_core import command_line

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


Corpora = Annotated[list[str], typer.Option("--corpus", help="A corpus's name; repeat it, with --data, for several.")]
DataPaths = Annotated[list[Path], typer.Option("--data", help="Its folder, or a manifest's file.")]
RecipeFile = Annotated[Path | None, typer.Option(help="A recipe (JSON); other options change it.")]
PresetName = Annotated[str | None, typer.Option("--preset", help="The model's shape: paper or compact.")]
Augment = Annotated[list[str], typer.Option(help="An augmentation, or name=probability; repeat it.")]
TextEncoder = Annotated[str | None, typer.Option(help="A pre-trained ALBERT: Hub id or folder.")]
Classifiers = Annotated[str | None, typer.Option(help="Names joined by +; all that the data allow by default.")]
CacheFolder = Annotated[Path | None, typer.Option(help="Where decoded sound is kept.")]
HoldOutBy = Annotated[
    Literal["speaker", "session", "utterances"],
    typer.Option("--validation-by", help="What is held out of the training part to validate with."),
]
HoldOutShare = Annotated[float, typer.Option("--validation-share", help="How much of the training part.")]
Epochs = Annotated[int | None, typer.Option(min=1)]
Patience = Annotated[int | None, typer.Option(min=0, help="Epochs without a better figure; 0 = never stop early.")]
Batch = Annotated[int | None, typer.Option(min=1)]
LearningRate = Annotated[float | None, typer.Option(min=0.0)]
Precision = Annotated[Literal["float32", "bfloat16"] | None, typer.Option()]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
Json = Annotated[Path | None, typer.Option("--json", help="Where the figures go; - for standard output.")]


Member = Annotated[
    str | None,
    typer.Option(help="Train no model, but a further member: whisper, or encoder:HUB-ID (docs/members.md)."),
]
MemberName = Annotated[str | None, typer.Option(help="What the checkpoint calls the member: whisper, encoder.")]
Whisper = Annotated[Path | None, typer.Option(help="Whisper's folder (CTranslate2), for a member or a teacher.")]
Teacher = Annotated[
    str | None, typer.Option(help="Whom the speech model learns from beside its labels: whisper, or encoder:HUB-ID.")
]


@app.command()
def fit(
    corpus: Corpora,
    data: DataPaths,
    out: Annotated[
        Path, typer.Option(help="The run's folder, in which the checkpoint comes to lie; of a member, the checkpoint.")
    ],
    recipe: RecipeFile = None,
    preset: PresetName = None,
    epochs: Epochs = None,
    patience: Patience = None,
    batch: Batch = None,
    learning_rate: LearningRate = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    precision: Precision = None,
    augment: Augment = [],  # noqa: B006 (typer copies it)
    text_encoder: TextEncoder = None,
    classifiers: Classifiers = None,
    validation_by: HoldOutBy = "speaker",
    validation_share: HoldOutShare = 0.2,
    test_share: Annotated[float, typer.Option(help="Speakers held out, and judged at the end.", min=0, max=0.9)] = 0.0,
    cache: CacheFolder = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an earlier run in --out stopped.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Throw away an earlier run in --out.")] = False,
    member: Member = None,
    member_name: MemberName = None,
    checkpoint: Annotated[str, typer.Option(help="The checkpoint that gets the member.")] = "default",
    whisper: Whisper = None,
    teacher: Teacher = None,
    start_from: Annotated[
        list[Path], typer.Option(help="A checkpoint whose encoders and classifiers the model begins with; repeat it.")
    ] = [],  # noqa: B006
    debug: Debug = False,
) -> None:
    """Train one model and write its checkpoint; or train a member, and write a checkpoint that has it."""
    from stser_core.training import commands
    from stser_core.training.folds import HoldOut
    from stser_core.training.options import cache_folder, clips_of, recipe_of

    if member is not None:
        from stser_core.training.members.commands import fit_member
        from stser_core.training.members.options import member_recipe, wanted_of

        given = _given(epochs=epochs, batch=batch, learning_rate=learning_rate, seed=seed)
        others = _given(preset=preset, patience=patience, precision=precision, augment=augment or None)
        others |= _given(text_encoder=text_encoder, classifiers=classifiers, resume=resume or None)
        others |= _given(teacher=teacher, start_from=start_from or None)
        how = member_recipe(recipe, given, others | _given(overwrite=overwrite or None))
        fit_member(
            clips_of(corpus, data),
            wanted_of(member, whisper, member_name),
            how,
            HoldOut(validation_by, validation_share, how.training.seed),
            test_share,
            checkpoint,
            out,
            cache or cache_folder(),
        )
        return
    from stser_core.training.members.teacher import teacher_of

    settings = recipe_of(
        recipe,
        preset,
        augment,
        text_encoder,
        classifiers,
        **_given(epochs=epochs, patience=patience, batch=batch, learning_rate=learning_rate),
        **_given(seed=seed, precision=precision),
    )
    commands.fit_and_test(
        clips_of(corpus, data),
        settings,
        HoldOut(validation_by, validation_share, settings.seed),
        test_share,
        out,
        cache or cache_folder(),
        teacher=teacher_of(teacher, whisper, cache or cache_folder()),
        starts=start_from,
        resume=resume,
        overwrite=overwrite,
    )


Leave = Annotated[
    Literal["auto", "session", "speakers", "corpus"],
    typer.Option("--leave-out", help="What each fold tests; auto: a session where there are sessions, else speakers."),
]
Folds = Annotated[int, typer.Option("--folds", min=2, help="How many, when speakers are left out.")]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="Runs of each fold, with seeds 0, 1, …")]


@app.command("cross-validate")
def cross_validate(
    corpus: Corpora,
    data: DataPaths,
    out: Annotated[Path, typer.Option(help="Where runs and results are kept; call again to go on.")],
    recipe: RecipeFile = None,
    preset: PresetName = None,
    epochs: Epochs = None,
    patience: Patience = None,
    batch: Batch = None,
    learning_rate: LearningRate = None,
    precision: Precision = None,
    augment: Augment = [],  # noqa: B006
    text_encoder: TextEncoder = None,
    classifiers: Classifiers = None,
    leave_out: Leave = "auto",
    folds: Folds = 5,
    seeds: Seeds = 1,
    validation_by: HoldOutBy = "speaker",
    validation_share: HoldOutShare = 0.2,
    transcripts: Annotated[
        list[str],
        typer.Option(help="Whose words: gold, vosk or whisper; repeat it to judge several, the first is trained on."),
    ] = ["gold"],  # noqa: B006
    asr_model: Annotated[Path | None, typer.Option(help="The recogniser's model folder.")] = None,
    rivals: Annotated[list[str], typer.Option("--rival", help="egemaps, tfidf, mdre, att-align; repeat it.")] = [],  # noqa: B006
    cache: CacheFolder = None,
    json: Json = None,
    member: Member = None,
    member_name: MemberName = None,
    whisper: Whisper = None,
    teacher: Teacher = None,
    debug: Debug = False,
) -> None:
    """Train and judge every fold, for several seeds, beside the published figures; or a member in the same folds."""
    from stser_core.training import commands
    from stser_core.training.options import cache_folder, clips_of, recipe_of, words_of
    from stser_core.training.plan import Plan

    if member is not None:
        from stser_core.training.members.commands import cross_validate_member
        from stser_core.training.members.options import member_recipe, wanted_of

        given = _given(epochs=epochs, batch=batch, learning_rate=learning_rate)
        others = _given(preset=preset, patience=patience, precision=precision, augment=augment or None)
        others |= _given(text_encoder=text_encoder, classifiers=classifiers, rivals=rivals or None, teacher=teacher)
        cross_validate_member(
            clips_of(corpus, data),
            wanted_of(member, whisper, member_name),
            member_recipe(recipe, given, others),
            Plan(leave_out, folds, tuple(range(seeds)), validation_by, validation_share),
            out,
            cache or cache_folder(),
            json,
        )
        return
    from stser_core.training.members.teacher import teacher_of

    settings = recipe_of(
        recipe,
        preset,
        augment,
        text_encoder,
        classifiers,
        **_given(epochs=epochs, patience=patience, batch=batch, learning_rate=learning_rate, precision=precision),
    )
    commands.cross_validate(
        clips_of(corpus, data),
        settings,
        Plan(leave_out, folds, tuple(range(seeds)), validation_by, validation_share),
        words_of(transcripts, asr_model),
        rivals,
        out,
        cache or cache_folder(),
        json,
        teacher_of(teacher, whisper, cache or cache_folder()),
    )


@app.command()
def baseline(
    corpus: Corpora,
    data: DataPaths,
    rivals: Annotated[list[str], typer.Option("--rival", help="egemaps, tfidf, mdre, att-align; repeat it.")],
    leave_out: Leave = "auto",
    folds: Folds = 5,
    seeds: Seeds = 1,
    validation_by: HoldOutBy = "speaker",
    validation_share: HoldOutShare = 0.2,
    cache: CacheFolder = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Judge rivals alone, in the folds that cross-validate would use."""
    from stser_core.features import FeatureSettings
    from stser_core.training import commands
    from stser_core.training.options import cache_folder, clips_of
    from stser_core.training.plan import Plan

    plan = Plan(leave_out, folds, tuple(range(seeds)), validation_by, validation_share)
    commands.baseline(clips_of(corpus, data), plan, rivals, FeatureSettings(), cache or cache_folder(), json)


@app.command()
def evaluate(
    checkpoint: Annotated[str, typer.Option(help="A checkpoint's name, folder or Hub id.")],
    corpus: Corpora,
    data: DataPaths,
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
    from stser_core.training.options import cache_folder, chosen, clips_of

    clips = chosen(clips_of(corpus, data), sessions=session, speakers=speaker, split=split)
    commands.evaluate(clips, checkpoint, classifier, band, accelerator, json, whisper, cache or cache_folder())


@app.command("pretrain-text")
def pretrain_text(
    texts: Annotated[list[Path], typer.Option(help="Unlabelled texts: a TSV with a column text; repeat it.")],
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
    seed: Annotated[int, typer.Option(min=0)] = 0,
    cache: CacheFolder = None,
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; see `command_line.run`."""
    return command_line.run(app, PROGRAM, arguments)


def _given(**values: object) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
