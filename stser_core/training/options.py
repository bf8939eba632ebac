"""Options that several commands of `stser-train` share, one dataclass for each concern."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Option

from stser_core.errors import DataError, UsageError

if TYPE_CHECKING:
    from stser_core.training.clip import Clip, Corpus
    from stser_core.training.recipe import Recipe
    from stser_core.training.routine import CallData
    from stser_core.training.splits import Fold

Baselines = Annotated[list[str], Option("--baseline", help="egemaps, tfidf, mdre, att-align; repeat it.")]
FrontEnd = Annotated[
    str | None, Option(help="The front end's weights: a checkpoint that has them, or front_end.safetensors.")
]
Validation = Annotated[
    float,
    Option(
        "--validation-proportion",
        help="Proportion of the training part that is held out for validation.",
        min=0.01,
        max=0.99,
    ),
]


@dataclass(frozen=True)
class Storage:
    """Storage of caches."""

    cache: Annotated[Path | None, Option(help="Folder for decoded sound and frames.")] = None

    @property
    def folder(self) -> Path:
        """The cache's folder."""
        from platformdirs import user_cache_path

        return self.cache or user_cache_path("stser-monitor") / "training"


@dataclass(frozen=True)
class Corpora:
    """The corpora to train or evaluate on."""

    corpus: Annotated[
        list[str], Option(help="The corpus's reader, such as iemocap or manifest; one for each --data.")
    ] = field(default_factory=list)
    data: Annotated[list[Path], Option(help="Its folder, or a manifest's file.")] = field(default_factory=list)

    def clips(self) -> tuple[Clip, ...]:
        """All clips; raises `UsageError` where corpora and folders do not come in pairs, or `DataError`."""
        from stser_core.training.corpora import read
        from stser_core.training.splits import without_copies

        names = self.corpus * len(self.data) if len(self.corpus) == 1 else self.corpus
        if len(names) != len(self.data) or not names:
            raise UsageError(f"There are {len(self.corpus)} --corpus and {len(self.data)} --data; give them in pairs.")
        clips: list[Clip] = []
        for name, place in zip(names, self.data, strict=True):
            corpus = read(name, place)
            _describe(corpus, place)
            clips += corpus.clips
        left = without_copies(clips)
        if len(left) < len(clips):
            print(f"left out, since they are copies of others: {len(clips) - len(left):,}", file=sys.stderr)
        return left


def _describe(corpus: Corpus, place: Path) -> None:
    counts, left_out = (
        ", ".join(f"{what} {count:,}" for what, count in some.items()) for some in (corpus.counts, corpus.left_out)
    )
    lines = [f"{place}: {len(corpus.clips):,} clips ({counts})", *([f"  left out: {left_out}"] if left_out else [])]
    print(*lines, *(f"  note: {note}" for note in corpus.notes), sep="\n", file=sys.stderr)


@dataclass(frozen=True)
class Calls:
    """Weakly labelled neutral speech and text."""

    routine: Annotated[
        Path | None, Option(help="A folder with recordings of calls in which nothing emotional happens.")
    ] = None
    held_out_call: Annotated[
        list[str], Option(help="Name or path of a recording in --routine that is not trained on; repeat it.")
    ] = field(default_factory=list)
    service_texts: Annotated[
        Path | None, Option(help="A TSV (or .gz) with the columns corpus and text; sgd and taskmaster are used.")
    ] = None

    def read(self, cache: Path, *, train: bool = True) -> CallData:
        """Read them; see `routine.read_call_data`."""
        from stser_core.training.routine import read_call_data

        if self.routine is None and self.held_out_call:
            raise UsageError("--held-out-call needs --routine FOLDER.")
        return read_call_data(self.routine, self.held_out_call, self.service_texts, cache, train=train)


@dataclass(frozen=True)
class RecipeOptions:
    """A recipe, and options that change it."""

    recipe: Annotated[Path | None, Option(help="A recipe (JSON); other options change it.")] = None
    preset: Annotated[Literal["paper", "default"] | None, Option(help="The model.")] = None
    epochs: Annotated[int | None, Option(min=1, help="Passes over the training part.")] = None
    patience: Annotated[int | None, Option(min=0, help="Epochs without a better metric; 0 = never stop early.")] = None
    batch: Annotated[int | None, Option(min=1, help="Clips in one batch.")] = None
    learning_rate: Annotated[float | None, Option(min=1e-9, help="Highest learning rate.")] = None
    text_encoder: Annotated[str | None, Option(help="A pre-trained ALBERT: Hub id or folder.")] = None
    classifiers: Annotated[str | None, Option(help="Names joined by +; by default all with data.")] = None

    def read(self, seed: int | None = None) -> Recipe:
        """The recipe; raises `UsageError` where an option does not fit, `DataError` where it cannot be read."""
        from msgspec.structs import replace

        from stser_core.training.presets import PRESETS
        from stser_core.training.recipe import Recipe, only

        recipe = Recipe.read(self.recipe) if self.recipe is not None else Recipe()
        model = recipe.model if self.preset is None else PRESETS[self.preset]
        if self.classifiers is not None:
            wanted = self.classifiers.split("+")
            if unknown := [name for name in wanted if name not in model.classifiers]:
                known = ", ".join(model.classifiers)
                raise UsageError(f"--classifiers: unknown classifier {unknown[0]!r}; choose from {known}.")
            model = only(model, wanted)
        if self.text_encoder is not None:
            if model.tmodel is None:
                raise UsageError("--text-encoder: no classifier of this recipe's model reads text.")
            name = self.text_encoder
            hub_id = not name.startswith((".", "/", "~")) and "\\" not in name and name.count("/") <= 1
            if not hub_id and not Path(name).is_dir():
                raise UsageError(f"--text-encoder: the folder {name} does not exist; name a folder or a Hub id.")
            model = replace(model, tmodel=replace(model.tmodel, encoder=name))
        given = {"epochs": self.epochs, "patience": self.patience, "learning_rate": self.learning_rate, "seed": seed}
        loop = replace(recipe.loop, **{name: value for name, value in given.items() if value is not None})
        return replace(recipe, model=model, loop=loop, batch=self.batch or recipe.batch)


@dataclass(frozen=True)
class Folding:
    """The folds of a cross-validation."""

    leave_out: Annotated[
        Literal["auto", "session", "speakers", "corpus"],
        Option(help="What each fold tests; auto: a session where there are sessions, else speakers."),
    ] = "auto"
    folds: Annotated[int, Option(min=2, help="How many, when speakers are left out.")] = 5
    seeds: Annotated[int, Option(min=1, help="Runs of each fold, with the seeds 0, 1, …")] = 1
    validation: Validation = 0.2

    def of(self, clips: tuple[Clip, ...]) -> list[Fold]:
        """The folds of clips; see `splits.folds_of`."""
        from stser_core.training.splits import folds_of

        return folds_of(clips, self.leave_out, self.folds, self.validation)

    def described(self, folds: list[Fold]) -> str:
        """A title for a table."""
        return f"{len(folds)} folds × {self.seeds} seeds, {sum(len(fold.test) for fold in folds):,} clips"

    def results(self) -> dict[str, Any]:
        """The options as results have them: with every seed."""
        return {**asdict(self), "seeds": list(range(self.seeds))}


@dataclass(frozen=True)
class Chosen:
    """Selection of the clips to evaluate."""

    session: Annotated[list[str], Option(help="Only this session; repeat it.")] = field(default_factory=list)
    speaker: Annotated[list[str], Option(help="Only this speaker; repeat it.")] = field(default_factory=list)
    split: Annotated[Literal["train", "validation", "test"] | None, Option(help="Only this split.")] = None

    def of(self, clips: tuple[Clip, ...]) -> tuple[Clip, ...]:
        """The clips of the sessions, speakers and split that are named, or all; raises `DataError` without any."""
        splits: list[str] = [self.split] if self.split else []
        choices = {"session": self.session, "speaker": self.speaker, "split": splits}
        left = clips
        for what, wanted in choices.items():
            known = {getattr(clip, what) for clip in clips} - {None}
            for name in wanted:
                if name not in known:
                    some = ", ".join(sorted(known)[:10]) or "none"
                    raise DataError(f"--{what}: no clip is of the {what} {name!r}; the data have {some}.")
            left = tuple(clip for clip in left if not wanted or getattr(clip, what) in wanted)
        if clips and not left:
            raise DataError("No clip is of all that --session, --speaker and --split name; drop one of these options.")
        return left


@dataclass(frozen=True)
class Results:
    """Output of results besides the terminal."""

    json: Annotated[Path | None, Option("--json", help="Write the results to this file; - is standard output.")] = None

    def check(self, data: list[Path]) -> None:
        """Find out before long work that they cannot be written (`OutputError`), or are the data (`UsageError`)."""
        from stser_core.files import check_not_input, check_writable
        from stser_core.training.output import need_folder

        if self.json is None or self.on_standard_output:
            return
        for one in data:
            check_not_input(str(self.json), one, "the data")
        need_folder(self.json.parent)
        check_writable(str(self.json))

    @property
    def on_standard_output(self) -> bool:
        """Whether the results go to standard output, and so the tables do not."""
        return str(self.json) == "-"
