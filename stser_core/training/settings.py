"""Everything that a training run is decided by, in one frozen record; `recipe.json` of a run holds just this."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from stser_core import bounds
from stser_core.ensemble import Ensemble, Joining
from stser_core.errors import DataError, UsageError
from stser_core.presets import PAPER
from stser_core.scores import CLASSIFIERS
from stser_core.settings_json import decode
from stser_core.stser import StserSettings
from stser_core.training.augmentation import Augmentation
from stser_core.training.lessons import Teaching
from stser_core.training.pairs import PairMixture
from stser_core.training.warm_start import PARTS


@dataclass(frozen=True)
class Recipe:
    """A training run. The defaults are the paper's, where it says (section on the experiments).

    Attributes:
        model: The model's shape; classifiers for which there is no data are left out.
        epochs: At most so many.
        patience: Epochs without a better validation figure before training stops; 0 = never.
        best_by: The validation figure by which an epoch is kept, of the ensemble: `wa` (the paper's) or `ua`; or `last`
            for the last one, whatever its figures, where validation has too few speakers to choose by.
        batch: Clips in a batch, over all processes.
        accumulate: Batches whose gradients are added up before a step, for what does not fit into memory at once.
        learning_rate: At its highest.
        text_learning_rate: Of ALBERT; `None` for the same.
        optimizer: `adam` (the paper's) or `adamw`.
        weight_decay: Of adamw.
        schedule: Learning rate over time: `constant` or `cosine`.
        warmup: Share of all steps over which the learning rate rises from zero.
        losses: Weight of each classifier's cross-entropy in their sum.
        weights: How much each classifier counts in the ensemble; 1 where nothing is said. The checkpoint states it.
        joining: How voice and words go together in the ensemble; `None` for the mean alone, the paper's. The checkpoint
            states it.
        label_smoothing: Share of each target that is spread over all labels.
        frozen: What stays as it began: of the encoders `smodel` and `tmodel`, of the classifiers any.
        balance_labels: Draw clips so that each label is heard as often as any other.
        balance_corpora: Corpora are drawn in proportion to their size to this power: 1 as they are, 0.5 by the
            square root, 0 all alike.
        augmentation: See `Augmentation`.
        pairs: See `PairMixture`; used where texts are given apart from the sound.
        own_words: Where texts are given apart, clips that have words of their own keep them. Switch it off for acted
            corpora, whose few sentences are said in every emotion.
        teacher: Name of the encoder that the smodel learns from beside its labels, such as `whisper-base`; `None`
            without one.
        teaching: How much it learns from it.
        precision: `float32` or `bfloat16` (mixed).
        seed: Fixes everything that is drawn; 0 or more.

    Raises:
        UsageError: A number is out of its bounds, or `losses` or `weights` names no classifier.
    """

    model: StserSettings = PAPER
    epochs: int = 60
    patience: int = 10
    best_by: Literal["wa", "ua", "last"] = "wa"
    batch: int = 32
    accumulate: int = 1
    learning_rate: float = 1e-4
    text_learning_rate: float | None = None
    optimizer: Literal["adam", "adamw"] = "adam"
    weight_decay: float = 0.0
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: float = 0.0
    losses: dict[str, float] = field(default_factory=lambda: {"speech": 1.0, "text": 1.0, "bimodal": 1.0})
    weights: dict[str, float] = field(default_factory=dict)
    joining: Joining | None = None
    label_smoothing: float = 0.0
    frozen: tuple[str, ...] = ()
    balance_labels: bool = False
    balance_corpora: float = 1.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    pairs: PairMixture = field(default_factory=PairMixture)
    own_words: bool = True
    teacher: str | None = None
    teaching: Teaching = field(default_factory=Teaching)
    precision: Literal["float32", "bfloat16"] = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in {"epochs": 1, "patience": 0, "batch": 1, "accumulate": 1, "seed": 0}.items():
            bounds.check(name, getattr(self, name), least)
        if self.best_by == "last" and self.patience:
            raise UsageError("best_by: where the last epoch is kept, nothing is stopped early; set patience to 0.")
        bounds.check("learning_rate", self.learning_rate, 0, above=True)
        if self.text_learning_rate is not None:
            bounds.check("text_learning_rate", self.text_learning_rate, 0, above=True)
        bounds.check("weight_decay", self.weight_decay, 0)
        for name in ("warmup", "label_smoothing", "balance_corpora"):
            bounds.check(name, getattr(self, name), 0, 1)
        for name in ("mixup", "concatenation"):
            if self.teacher is not None and getattr(self.augmentation, name):
                raise UsageError(f"{name}: what a teacher says of a clip does not hold for it then; leave one out.")
        for name in self.frozen:
            if name not in PARTS:
                raise UsageError(f"frozen: the model has no part {name!r}; it has {', '.join(PARTS)}.")
        for what, by_classifier in (("losses", self.losses), ("weights", self.weights)):
            for name, weight in by_classifier.items():
                if name not in CLASSIFIERS:
                    raise UsageError(f"{what}: there is no classifier {name!r}; there are {', '.join(CLASSIFIERS)}.")
                bounds.check(f"{what}.{name}", weight, 0, above=True)
        for name, share in (asdict(self.joining) if self.joining else {}).items():
            bounds.check(f"joining.{name}", share, 0)

    @property
    def ensemble(self) -> Ensemble:
        """How the classifiers' answers become one, before any is calibrated."""
        return Ensemble(self.weights, joining=self.joining)

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """Read a recipe from a JSON file; what it leaves out keeps its default.

        Raises:
            DataError: The file cannot be read, or is no recipe: a key is unknown, or a value does not fit.
        """
        try:
            return decode(path.read_bytes(), cls)
        except OSError as error:
            raise DataError(f"The recipe {path} cannot be read ({error.strerror}).") from error
        except msgspec.DecodeError as error:
            raise DataError(f"{path} is no recipe ({error}).") from error

    def to_json(self) -> bytes:
        """The recipe as indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"
