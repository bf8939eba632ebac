"""Options that several commands of `stser-train` share."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from stser_core.errors import UsageError

if TYPE_CHECKING:
    from stser_core.training.clip import Clip
    from stser_core.training.options import CallData
    from stser_core.training.recipe import Recipe
    from stser_core.training.splits import FoldPlan
    from stser_core.training.transcripts import Words

CacheFolder = Annotated[Path | None, typer.Option(help="Where decoded sound and frames are kept.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the results here; - for standard output.")]
Baselines = Annotated[list[str], typer.Option("--baseline", help="egemaps, tfidf, mdre, att-align; repeat it.")]
Validation = Annotated[
    float, typer.Option("--validation-proportion", help="Proportion of the training part that is validated with.")
]
FrontEnd = Annotated[
    Path | None, typer.Option(help="The front end's weights: front_end.safetensors, or a folder that holds it.")
]


@dataclass(frozen=True)
class Corpora:
    """What is trained or evaluated on."""

    corpus: Annotated[list[str], typer.Option(help="Name of a corpus; repeat it, with --data, for several.")] = field(
        default_factory=list
    )
    data: Annotated[list[Path], typer.Option(help="Its folder, or the file of a manifest.")] = field(
        default_factory=list
    )

    def clips(self, result: Path | None = None) -> tuple[Clip, ...]:
        """All clips, unless the result would be written over what is read."""
        from stser_core.training.options import clips_of

        if result is not None and any(result.exists() and one.exists() and result.samefile(one) for one in self.data):
            raise UsageError(f"The results cannot be written to {result}, which is read.")
        return clips_of(self.corpus, self.data)


@dataclass(frozen=True)
class Calls:
    """Weakly labelled neutral speech and text."""

    routine: Annotated[
        Path | None, typer.Option(help="A folder with recordings of calls in which nothing emotional happens.")
    ] = None
    held_out_call: Annotated[
        list[str], typer.Option(help="Name of a recording in --routine that is not trained on; repeat it.")
    ] = field(default_factory=list)
    service_texts: Annotated[
        Path | None, typer.Option(help="A TSV (or .gz) with the columns corpus and text; sgd and taskmaster are used.")
    ] = None

    def read(self, cache: Path) -> CallData:
        """Read them."""
        from stser_core.training.options import call_data

        return call_data(self.routine, self.held_out_call, self.service_texts, cache)


@dataclass(frozen=True)
class Settings:
    """A recipe, and what is changed of it."""

    recipe: Annotated[Path | None, typer.Option(help="A recipe (JSON); other options change it.")] = None
    preset: Annotated[str | None, typer.Option(help="The model's shape: paper or default.")] = None
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training part.")] = None
    patience: Annotated[
        int | None, typer.Option(min=0, help="Epochs without a better metric; 0 = never stop early.")
    ] = None
    batch: Annotated[int | None, typer.Option(min=1, help="Clips in one batch.")] = None
    learning_rate: Annotated[float | None, typer.Option(min=0.0, help="At its highest.")] = None
    precision: Annotated[
        Literal["float32", "bfloat16", "float16"] | None, typer.Option(help="Of training on CUDA.")
    ] = None
    augment: Annotated[list[str], typer.Option(help="An augmentation, or name=probability; repeat it.")] = field(
        default_factory=list
    )
    text_encoder: Annotated[str | None, typer.Option(help="A pre-trained ALBERT: Hub id or folder.")] = None
    classifiers: Annotated[str | None, typer.Option(help="Names joined by +; all that the data allow by default.")] = (
        None
    )

    def read(self, seed: int | None = None) -> Recipe:
        """The recipe."""
        from stser_core.training.options import recipe_of

        given: dict[str, Any] = {"epochs": self.epochs, "patience": self.patience, "batch": self.batch}
        given |= {"learning_rate": self.learning_rate, "precision": self.precision, "seed": seed}
        return recipe_of(self.recipe, self.preset, self.augment, self.text_encoder, self.classifiers, **given)


@dataclass(frozen=True)
class Wording:
    """Whose words are trained on and evaluated with."""

    transcripts: Annotated[
        list[str],
        typer.Option(
            help="gold, vosk or whisper; repeat it to evaluate with several, the first is trained on.",
            show_default="gold",
        ),
    ] = field(default_factory=list)
    asr_model: Annotated[Path | None, typer.Option(help="The speech recogniser's model folder.")] = None

    def words(self) -> Words:
        """The transcripts."""
        from stser_core.training.options import words_of

        return words_of(self.transcripts or ["gold"], self.asr_model)


@dataclass(frozen=True)
class Folding:
    """The folds of a cross-validation."""

    leave_out: Annotated[
        Literal["auto", "session", "speakers", "corpus"],
        typer.Option(help="What each fold tests; auto: a session where there are sessions, else speakers."),
    ] = "auto"
    folds: Annotated[int, typer.Option(min=2, help="How many, when speakers are left out.")] = 5
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each fold, with the seeds 0, 1, …")] = 1
    validation: Validation = 0.2

    def plan(self) -> FoldPlan:
        """The plan."""
        from stser_core.training.splits import FoldPlan

        return FoldPlan(self.leave_out, self.folds, tuple(range(self.seeds)), self.validation)


def default_jobs() -> int:
    """Folds that are trained at the same time, unless `--jobs` says otherwise."""
    return max(1, (os.cpu_count() or 1) // 2)
