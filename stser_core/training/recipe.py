"""All settings of a training run; `recipe.json` of a run holds them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from stser_core.config import PAPER, SPEECH, TEXT, CheckpointConfig
from stser_core.errors import DataError, UsageError
from stser_core.settings import Count, Proportion, decode
from stser_core.training.augmentation import Augmentation
from stser_core.training.loop import LoopConfig
from stser_core.training.pairs import PairMixture


@dataclass(frozen=True)
class Recipe:
    """A training run. The defaults are the paper's, where it says (section on the experiments).

    Attributes:
        model: The model's shape; classifiers without data are left out.
        loop: Epochs, optimizer, early stopping, seed.
        batch: Clips in a batch.
        label_smoothing: Proportion of each target that is spread over all labels.
        frozen: Parts that are not trained: of the encoders `smodel` and `tmodel`, of the classifiers any.
        balance_labels: Draw clips so that all labels of a corpus are equally frequent.
        balance_corpora: Corpora are drawn in proportion to their size to this power: 1 as they are, 0.5 by the
            square root, 0 all alike.
        routine: Proportion of every batch (on average) that are turns of routine calls, where these are given.
        service: Proportion of the texts that are of service dialogues, where these are given.
        augmentation: See `Augmentation`.
        pairs: See `PairMixture`; used where texts are separate from the sound.
        own_words: Where texts are separate, clips that have words of their own keep them. Switch it off for acted
            corpora, whose few sentences are said in every emotion.

    Raises:
        UsageError: A name is not that of a part.
    """

    model: CheckpointConfig = PAPER
    loop: LoopConfig = field(default_factory=LoopConfig)
    batch: Count = 32
    label_smoothing: Proportion = 0.0
    frozen: tuple[str, ...] = ()
    balance_labels: bool = False
    balance_corpora: Proportion = 1.0
    routine: Annotated[float, Meta(ge=0, le=0.9)] = 0.06
    service: Annotated[float, Meta(ge=0, le=0.9)] = 0.2
    augmentation: Augmentation = field(default_factory=Augmentation)
    pairs: PairMixture = field(default_factory=PairMixture)
    own_words: bool = True

    def __post_init__(self) -> None:
        for name in self.frozen:
            if name not in ("smodel", "tmodel", *self.model.classifiers):
                raise UsageError(f"frozen: the model has no part {name!r}.")

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """Read a recipe from a JSON file; what it leaves out keeps its default.

        Raises:
            DataError: The file cannot be read, or is not a recipe.
        """
        try:
            return decode(path.read_bytes(), cls)
        except OSError as error:
            raise DataError(f"The recipe {path} cannot be read ({error.strerror}).") from error
        except msgspec.DecodeError as error:
            raise DataError(f"{path} is not a recipe ({error}).") from error

    def to_json(self) -> bytes:
        """The recipe as indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def only(config: CheckpointConfig, names: Collection[str]) -> CheckpointConfig:
    """A model with those of its classifiers that are named, and what these need."""
    kept = {name: one for name, one in config.classifiers.items() if name in names}
    needed = {encoder for one in kept.values() for encoder in one.inputs}
    ensemble, fusion = config.ensemble, config.ensemble.late_fusion
    fits = fusion is not None and kept.keys() >= {*fusion.speech, *fusion.text}
    weights = {name: weight for name, weight in ensemble.weights.items() if name in kept}
    return replace(
        config,
        classifiers=kept,
        front_end=config.front_end if SPEECH in needed else None,
        speaker_baseline=config.speaker_baseline if SPEECH in kept else None,
        smodel=config.smodel if SPEECH in needed else None,
        tmodel=config.tmodel if TEXT in needed else None,
        encoders={name: one for name, one in config.encoders.items() if name in needed},
        ensemble=replace(ensemble, weights=weights, late_fusion=fusion if fits else None),
    )
