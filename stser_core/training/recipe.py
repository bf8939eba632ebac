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
    """A training run. The defaults are the paper's, where it says (section on the experiments)."""

    model: CheckpointConfig = PAPER  # classifiers without data are left out
    loop: LoopConfig = field(default_factory=LoopConfig)  # epochs, optimizer, early stopping, seed
    batch: Count = 32  # clips in a batch
    label_smoothing: Proportion = 0.0  # proportion of each target that is spread over all labels
    frozen: tuple[str, ...] = ()  # parts that are not trained: smodel, tmodel, and any of the classifiers
    balance_labels: bool = False  # all labels of a corpus are drawn alike
    # corpora are drawn in proportion to their size to this power: 1 as they are, 0.5 by the square root, 0 all alike
    balance_corpora: Proportion = 1.0
    # proportion of turns of routine calls in every batch (on average), where these are given
    routine: Annotated[float, Meta(ge=0, le=0.9)] = 0.06
    # proportion of the texts that are of service dialogues, where these are given
    service: Annotated[float, Meta(ge=0, le=0.9)] = 0.2
    augmentation: Augmentation = field(default_factory=Augmentation)
    pairs: PairMixture = field(default_factory=PairMixture)  # used where texts are separate from the sound
    # where texts are separate, clips with words keep them; false for acted corpora, whose few sentences are said in
    # every emotion
    own_words: bool = True

    def __post_init__(self) -> None:
        for name in self.frozen:
            if name not in ("smodel", "tmodel", *self.model.classifiers):
                raise UsageError(f"frozen: the model has no part {name!r}.")

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """Read a recipe from JSON (what it leaves out keeps its default); raises `DataError` where it is not one."""
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
