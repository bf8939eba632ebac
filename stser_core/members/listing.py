"""Which further members a checkpoint lists in its `config.json`, and how all make one answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any

from stser_core.ensemble import Joining
from stser_core.errors import CheckpointError
from stser_core.scores import CLASSIFIERS, ENSEMBLE

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_TAKEN = frozenset({*CLASSIFIERS, ENSEMBLE, "model"})
"""The paper's classifiers, the ensemble, and the name of the file that holds the model's own tensors."""


@dataclass(frozen=True)
class Listed:
    """A further member as `config.json` lists it.

    Attributes:
        name: What `--classifier` and the JSON Lines call it; its tensors lie in `<name>.safetensors`.
        kind: What makes it: `encoding`, `hub`, `prosody`, or the name of another package's entry point.
        settings: The kind's own settings.
        temperature: What its logits are divided by (calibration).
        package: The package that provides the kind, where another one than this program does; for messages.
    """

    name: str
    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    temperature: float = 1.0
    package: str = ""

    @property
    def weights_file(self) -> str:
        """Where its tensors lie in the checkpoint's folder."""
        return f"{self.name}.safetensors"


@dataclass(frozen=True)
class Roster:
    """The further members of a checkpoint.

    Attributes:
        members: Those beside the paper's classifiers, in the order in which they answer.
        weights: How much a classifier or member counts in the ensemble; 1 where nothing is said.
        joining: How voice and words go together in it; `None` for the mean alone.
    """

    members: tuple[Listed, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    joining: Joining | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The members' names, in their order."""
        return tuple(member.name for member in self.members)


def check(roster: Roster, classifiers: Sequence[str]) -> None:
    """Refuse a roster that contradicts itself.

    Args:
        roster: As `config.json` lists it.
        classifiers: Those of the paper's three that the checkpoint has.

    Raises:
        CheckpointError: A name cannot be one or is taken, a weight or a temperature is not above 0, a weight
            is given to nobody, or a share of the joining is below 0.
    """
    for place, member in enumerate(roster.members):
        if not _NAME.fullmatch(member.name) or member.name in _TAKEN:
            raise CheckpointError(
                f"A member cannot be called {member.name!r}: small letters, digits, - and _, beginning with a letter, "
                f"at most 32, and none of {', '.join(sorted(_TAKEN))}."
            )
        if member.name in roster.names[:place]:
            raise CheckpointError(f"The checkpoint lists the member {member.name!r} twice.")
        _check_positive(f"The {member.name} member's temperature", member.temperature)
    for name, weight in roster.weights.items():
        if name not in (*classifiers, *roster.names):
            raise CheckpointError(f"The checkpoint weighs {name!r}, which it has not.")
        _check_positive(f"The weight of {name}", weight)
    if roster.joining is not None:
        for what, share in asdict(roster.joining).items():
            if not (isfinite(share) and share >= 0):
                raise CheckpointError(f"The joining's {what} must be 0 or more; it is {share}.")


def _check_positive(what: str, value: float) -> None:
    if not (isfinite(value) and value > 0):
        raise CheckpointError(f"{what} must be above 0; it is {value}.")
