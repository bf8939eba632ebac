"""`stser-train`: argument parsing and wiring, nothing else."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from stser_core.errors import StserError

app = typer.Typer(
    name="stser-train",
    help="Train, cross-validate and evaluate STSER: emotion from speech and text.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

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
Json = Annotated[Path | None, typer.Option("--json", help="Where the figures go; - for standard output.")]


@app.callback()
def options(debug: Annotated[bool, typer.Option(help="Show where an error arose.")] = False) -> None:
    """Read in `main`, before anything else can fail."""


@app.command()
def fit(
    corpus: Corpora,
    data: DataPaths,
    out: Annotated[Path, typer.Option(help="The run's folder; the checkpoint comes to lie in it.")],
    recipe: RecipeFile = None,
    preset: PresetName = None,
    epochs: Epochs = None,
    patience: Patience = None,
    batch: Batch = None,
    learning_rate: LearningRate = None,
    seed: Annotated[int | None, typer.Option()] = None,
    precision: Precision = None,
    augment: Augment = [],  # noqa: B006 (typer copies it)
    text_encoder: TextEncoder = None,
    classifiers: Classifiers = None,
    validation_by: HoldOutBy = "speaker",
    validation_share: HoldOutShare = 0.2,
    test_share: Annotated[float, typer.Option(help="Speakers held out, and judged at the end.", min=0, max=0.9)] = 0.0,
    cache: CacheFolder = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an earlier run in --out stopped.")] = False,
) -> None:
    """Train one model and write its checkpoint."""
    from stser_core.training import commands
    from stser_core.training.folds import HoldOut
    from stser_core.training.options import cache_folder, clips_of, recipe_of

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
        resume=resume,
    )


@app.command()
def evaluate(
    checkpoint: Annotated[str, typer.Option(help="A checkpoint's name, folder or Hub id.")],
    corpus: Corpora,
    data: DataPaths,
    json: Json = None,
    band: Annotated[Literal["wide", "telephone", "both"], typer.Option(help="As recorded, or over the line.")] = "wide",
    classifier: Annotated[str, typer.Option(help="ensemble, or names joined by +.")] = "ensemble",
    split: Annotated[str | None, typer.Option(help="Only clips of this split: train, validation or test.")] = None,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Judge a checkpoint on a corpus, through the recognizer that the monitor runs."""
    from stser_core.training import commands
    from stser_core.training.options import clips_of

    clips = tuple(clip for clip in clips_of(corpus, data) if split is None or clip.split == split)
    commands.evaluate(clips, checkpoint, classifier, band, accelerator, json)


def main() -> None:
    """The console command: every error in one sentence on standard error."""
    debug = "--debug" in sys.argv[1:2]
    try:
        app()
    except StserError as error:
        _fail(str(error), error.exit_code, debug)
    except KeyboardInterrupt:
        _fail("interrupted.", 130, debug)
    except Exception as error:  # noqa: BLE001 (the last resort: no traceback reaches a user)
        _fail(f"something unforeseen went wrong ({type(error).__name__}: {error}); --debug shows where.", 1, debug)


def _fail(sentence: str, code: int, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    print(f"stser-train: {sentence}", file=sys.stderr)
    raise SystemExit(code)


def _given(**values: object) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
