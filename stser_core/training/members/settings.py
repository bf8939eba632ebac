"""Everything that decides how a member is made: `--recipe` of `stser-train fit --member`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from stser_core import bounds
from stser_core.encoding import Pooling
from stser_core.errors import DataError, UsageError
from stser_core.settings_json import decode
from stser_core.training.members.cache import Versions
from stser_core.training.members.head_training import HeadRecipe


@dataclass(frozen=True)
class MemberRecipe:
    """A member to be trained.

    Attributes:
        training: Of its head.
        versions: In how many versions it hears each clip.
        count: How much it counts in the ensemble beside the classifiers; the checkpoint states it among its `weights`.
        weights: How much others count from then on, by name: where it shares a vote with one of them, say. Those that
            are not named count as before.
        pooling: Of an encoder: what the head reads of its output.
        layer: Of a Hub encoder: which hidden state is pooled; 0 goes into the first layer, −1 is the last one's output.
        trained_layers: Of a Hub encoder: how many of its last layers are trained along with the head.
        encoder_rate: The learning rate of these, at its highest.

    Raises:
        UsageError: A number is out of bounds.
    """

    training: HeadRecipe = field(default_factory=HeadRecipe)
    versions: Versions = field(default_factory=Versions)
    count: float = 1.0
    weights: dict[str, float] = field(default_factory=dict)
    pooling: Pooling = "mean_deviation"
    layer: int = -1
    trained_layers: int = 0
    encoder_rate: float = 1e-5

    def __post_init__(self) -> None:
        bounds.check("count", self.count, 0, above=True)
        for name, weight in self.weights.items():
            bounds.check(f"weights.{name}", weight, 0, above=True)
        bounds.check("trained_layers", self.trained_layers, 0)
        bounds.check("encoder_rate", self.encoder_rate, 0, above=True)
        if self.trained_layers and self.layer != -1:
            raise UsageError("Layers are trained where the last one's output is pooled; leave the setting layer out.")

    @classmethod
    def read(cls, path: Path) -> MemberRecipe:
        """Read a recipe from JSON; what it leaves out keeps its default.

        Raises:
            DataError: The file cannot be read or is no such recipe.
        """
        try:
            return decode(path.read_bytes(), cls)
        except OSError as error:
            raise DataError(f"The recipe {path} cannot be read ({error.strerror}).") from error
        except msgspec.DecodeError as error:
            raise DataError(f"{path} is no recipe of a member ({error}).") from error
