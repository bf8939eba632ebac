"""All settings of a training run, and the folder that it keeps.

recipe.json      all settings
data.json        digests of the clips that it was trained on, and of what it started from
state/           the training state, for --resume
history.json     each epoch's metrics
checkpoint/      the best model, calibrated, with its model card
test.json        metrics on the test clips, where some were held out
.lock            keeps a second process out meanwhile
"""

import codecs
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from stser_core.config import SPEECH, TEXT, CheckpointConfig, Count, Proportion, Settings, decode
from stser_core.errors import DataError, UsageError, reason
from stser_core.files import writing
from stser_core.training.augmentation import Augmentation
from stser_core.training.loop import LoopConfig, finished_epochs
from stser_core.training.output import need_folder, write_atomically, write_json
from stser_core.training.pairs import PairMixture
from stser_core.training.presets import PAPER


class Recipe(Settings, frozen=True):
    """A training run. The defaults are the paper's, where it says (section on the experiments)."""

    model: CheckpointConfig = PAPER  # classifiers without data are left out
    loop: LoopConfig = LoopConfig()  # epochs, optimizer, early stopping, seed
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
    augmentation: Augmentation = Augmentation()
    pairs: PairMixture = PairMixture()  # used where texts are separate from the sound
    # where texts are separate, clips with words keep them; false for acted corpora, whose few sentences are said in
    # every emotion
    own_words: bool = True

    def __post_init__(self) -> None:
        for name in self.frozen:
            if name not in ("smodel", "tmodel", *self.model.classifiers):
                raise UsageError(f"frozen: the model has no part {name!r}.")

    @classmethod
    def read(cls, path: Path) -> "Recipe":
        """Read a recipe from JSON (what it leaves out keeps its default); raises `DataError` where it is not one."""
        try:
            return decode(path.read_bytes().removeprefix(codecs.BOM_UTF8), cls)
        except OSError as error:
            raise DataError(f"The recipe {path} cannot be read ({reason(error)}).") from error
        except msgspec.DecodeError as error:
            raise DataError(f"{path} is not a recipe ({error}).") from error

    def to_json(self) -> bytes:
        """The recipe as indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def only(config: CheckpointConfig, names: Collection[str]) -> CheckpointConfig:
    """A model with those of its classifiers that are named, and what these need."""
    kept = {name: one for name, one in config.classifiers.items() if name in names}
    needed = {encoder for one in kept.values() for encoder in one.inputs}
    ensemble = config.ensemble
    fusion = ensemble.late_fusion if {SPEECH, TEXT} <= kept.keys() else None
    weights = {name: weight for name, weight in ensemble.weights.items() if name in kept}
    temperatures = {key: one for key, one in ensemble.temperatures.items() if kept.keys() >= {*key.split("+")}}
    return replace(
        config,
        classifiers=kept,
        front_end=config.front_end if SPEECH in needed else None,
        speaker_baseline=config.speaker_baseline if SPEECH in kept else None,
        smodel=config.smodel if SPEECH in needed else None,
        tmodel=config.tmodel if TEXT in needed else None,
        encoders={name: one for name, one in config.encoders.items() if name in needed},
        ensemble=replace(ensemble, weights=weights, temperatures=temperatures, late_fusion=fusion),
    )


@dataclass(frozen=True)
class DataDigest:
    """Digests of the clips that a run was trained on, and of the checkpoints and front end that it started from."""

    clips: str
    starts: tuple[str, ...] = ()


class RunFolder:
    """The folder of a run, which need not exist yet; its files are described above."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state, self.checkpoint = path / "state", path / "checkpoint"
        self.history_file, self.test_file = path / "history.json", path / "test.json"
        self._recipe, self._data = path / "recipe.json", path / "data.json"
        self.lock = path / ".lock"

    @property
    def data(self) -> DataDigest | None:
        """The digests of its data; `None` where they were not written completely."""
        try:
            return msgspec.json.decode(self._data.read_bytes(), type=DataDigest)
        except (OSError, msgspec.DecodeError):
            return None

    def continues(self, recipe: Recipe, data: DataDigest, *, resume: bool, overwrite: bool) -> bool:
        """Whether an earlier run is continued: `resume` asks for that, if it is this one; `overwrite` lets it be lost.

        Raises `DataError` where it has another recipe or other data, `UsageError` where nothing was said of it, and
        `OutputError` where the folder cannot be written.
        """
        need_folder(self.path)
        same_recipe = self._recipe.is_file() and self._recipe.read_bytes() == recipe.to_json()
        if resume and same_recipe and self.data == data:
            return True
        if resume and self._recipe.is_file() and not overwrite:
            what = "other data" if same_recipe else f"another recipe ({self._recipe})"
            raise DataError(f"The run in {self.path} has {what}; give another --out, or --overwrite it.")
        if not overwrite and (self.checkpoint.is_dir() or finished_epochs(self.state)):
            raise UsageError(f"{self.path} holds a run: give another --out, or --resume, or --overwrite to lose it.")
        return False

    def begin(self, recipe: Recipe, data: DataDigest) -> None:
        """Delete an earlier run, and write what this one is made of; raises `OutputError`."""
        with writing(self.path):
            for folder in (self.state, self.checkpoint):
                if folder.is_dir():
                    shutil.rmtree(folder)
            for file in (self.history_file, self.test_file):
                file.unlink(missing_ok=True)
        write_json(data, self._data)
        write_atomically(self._recipe, recipe.to_json())
