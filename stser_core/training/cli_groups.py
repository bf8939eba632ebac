"""The options that several commands of `stser-train` share, and what they say together."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from stser_core.errors import UsageError

if TYPE_CHECKING:
    from stser_core.training.clip import Clip
    from stser_core.training.members.cache import EncodingCache
    from stser_core.training.members.encoders import SequenceEncoder
    from stser_core.training.members.options import Wanted
    from stser_core.training.members.settings import MemberRecipe
    from stser_core.training.plan import Plan
    from stser_core.training.settings import Recipe
    from stser_core.training.transcripts import Words

CacheFolder = Annotated[Path | None, typer.Option(help="Where decoded sound is kept.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
Json = Annotated[Path | None, typer.Option("--json", help="Where the figures go; - for standard output.")]
Rivals = Annotated[list[str], typer.Option("--rival", help="egemaps, tfidf, mdre, att-align; repeat it.")]
HoldOutBy = Annotated[
    Literal["speaker", "session", "utterances"],
    typer.Option("--validation-by", help="What is held out of the training part to validate with."),
]
HoldOutShare = Annotated[float, typer.Option("--validation-share", help="How much of the training part.")]
Whisper = Annotated[Path | None, typer.Option(help="Whisper's folder (CTranslate2), for a member or a teacher.")]


@dataclass(frozen=True)
class Corpora:
    """What is learnt from, or judged."""

    corpus: Annotated[list[str], typer.Option(help="A corpus's name; repeat it, with --data, for several.")]
    data: Annotated[list[Path], typer.Option(help="Its folder, or a manifest's file.")]

    def clips(self, result: Path | None = None) -> tuple[Clip, ...]:
        """All of it, unless the result would be written over it.

        Raises:
            UsageError: It would.
        """
        from stser_core.training.options import clips_of

        if result is not None and any(result.exists() and one.exists() and result.samefile(one) for one in self.data):
            raise UsageError(f"The figures cannot go to {result}, which is read.")
        return clips_of(self.corpus, self.data)


@dataclass(frozen=True)
class Settings:
    """What a recipe's file leaves open, or is changed of it."""

    recipe: Annotated[Path | None, typer.Option(help="A recipe (JSON); other options change it.")] = None
    preset: Annotated[str | None, typer.Option(help="The model's shape: paper or compact.")] = None
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training part.")] = None
    patience: Annotated[
        int | None, typer.Option(min=0, help="Epochs without a better figure; 0 = never stop early.")
    ] = None
    batch: Annotated[int | None, typer.Option(min=1, help="Clips in one step.")] = None
    learning_rate: Annotated[float | None, typer.Option(min=0.0, help="At its highest.")] = None
    precision: Annotated[
        Literal["float32", "bfloat16"] | None, typer.Option(help="How exactly the network computes in training.")
    ] = None
    augment: Annotated[list[str], typer.Option(help="An augmentation, or name=probability; repeat it.")] = field(
        default_factory=list
    )
    text_encoder: Annotated[str | None, typer.Option(help="A pre-trained ALBERT: Hub id or folder.")] = None
    classifiers: Annotated[str | None, typer.Option(help="Names joined by +; all that the data allow by default.")] = (
        None
    )
    speaker_adaptation: Annotated[
        bool,
        typer.Option("--speaker-adaptation", help="Train the classifiers that hear to get used to voices."),
    ] = False

    def of_model(self, seed: int | None = None) -> Recipe:
        """The recipe of a model."""
        from stser_core.training.options import recipe_of

        given = _given(epochs=self.epochs, patience=self.patience, batch=self.batch, learning_rate=self.learning_rate)
        given |= _given(precision=self.precision, seed=seed)
        given |= _given(speaker_adaptation=self.speaker_adaptation or None)
        return recipe_of(self.recipe, self.preset, self.augment, self.text_encoder, self.classifiers, **given)

    def of_member(self, seed: int | None = None, **others: object) -> MemberRecipe:
        """The recipe of a member; refuses what concerns the model alone, and `others` where they were given."""
        from stser_core.training.members.options import member_recipe

        refused = _given(preset=self.preset, patience=self.patience, precision=self.precision)
        refused |= _given(augment=self.augment or None, text_encoder=self.text_encoder, classifiers=self.classifiers)
        refused |= _given(speaker_adaptation=self.speaker_adaptation or None)
        refused |= _given(**{name: value or None for name, value in others.items()})
        given = _given(epochs=self.epochs, batch=self.batch, learning_rate=self.learning_rate, seed=seed)
        return member_recipe(self.recipe, given, refused)


@dataclass(frozen=True)
class Wording:
    """Whose words are learnt from and judged with."""

    transcripts: Annotated[
        list[str],
        typer.Option(
            help="Whose words: gold, vosk or whisper; repeat it to judge several, the first is trained on.",
            show_default="gold",
        ),
    ] = field(default_factory=list)
    asr_model: Annotated[Path | None, typer.Option(help="The recogniser's model folder.")] = None

    def words(self) -> Words:
        """The same for the rest of the program."""
        from stser_core.training.options import words_of

        return words_of(self.transcripts or ["gold"], self.asr_model)


@dataclass(frozen=True)
class Folding:
    """Which folds a cross-validation has."""

    leave_out: Annotated[
        Literal["auto", "session", "speakers", "corpus"],
        typer.Option(help="What each fold tests; auto: a session where there are sessions, else speakers."),
    ] = "auto"
    folds: Annotated[int, typer.Option(min=2, help="How many, when speakers are left out.")] = 5
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each fold, with seeds 0, 1, …")] = 1
    validation_by: HoldOutBy = "speaker"
    validation_share: HoldOutShare = 0.2

    def plan(self) -> Plan:
        """The same for the rest of the program."""
        from stser_core.training.plan import Plan

        return Plan(self.leave_out, self.folds, tuple(range(self.seeds)), self.validation_by, self.validation_share)


@dataclass(frozen=True)
class Further:
    """A further member, or a teacher."""

    member: Annotated[
        str | None,
        typer.Option(
            help="Train no model, but a further member: prosody, whisper, or encoder:HUB-ID (docs/members.md)."
        ),
    ] = None
    member_name: Annotated[
        str | None, typer.Option(help="What the checkpoint calls the member: prosody, whisper, encoder.")
    ] = None
    whisper: Whisper = None
    teacher: Annotated[
        str | None,
        typer.Option(help="Whom the speech model learns from beside its labels: whisper, or encoder:HUB-ID."),
    ] = None

    def wanted(self) -> Wanted:
        """The member that is to be trained."""
        from stser_core.training.members.options import wanted_of

        return wanted_of(self.member or "", self.whisper, self.member_name)

    def encodings(self, cache: Path) -> EncodingCache[SequenceEncoder] | None:
        """The teacher's, if there is one."""
        from stser_core.training.members.teacher import teacher_of

        return teacher_of(self.teacher, self.whisper, cache)


def _given(**values: object) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
