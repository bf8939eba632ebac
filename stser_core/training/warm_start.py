"""Beginning a run with what earlier ones have learnt: a speech model here, a text model there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stser_core import checkpoint as checkpoints
from stser_core.errors import DataError
from stser_core.scores import CLASSIFIERS

PARTS = ("smodel", "tmodel", *CLASSIFIERS)
"""What a model consists of: its encoders and its classifiers."""

if TYPE_CHECKING:
    from torch import nn

    from stser_core.stser import Stser


def start_from(model: Stser, folders: Sequence[Path]) -> None:
    """Give a model the encoders and classifiers of checkpoints; where two have the same, the later one's count.

    Args:
        model: Keeps its fresh weights where no checkpoint has any.
        folders: Checkpoints.

    Raises:
        CheckpointError: One cannot be read.
        DataError: One is of another shape than the model, or has nothing that the model has.
    """
    for folder in folders:
        given = checkpoints.load(folder).model
        mine, theirs = _parts(model), _parts(given)
        shared = [name for name in theirs if name in mine]
        for name in shared:
            _take(mine[name], theirs[name], folder)
        if "smodel" in shared and model.usual_voice is not None and given.usual_voice is not None:
            model.usual_voice.copy_(given.usual_voice)
        if not shared:
            raise DataError(f"The checkpoint {folder} has nothing that this model could start from.")


def freeze(model: Stser, names: Sequence[str]) -> None:
    """Keep parts of a model as they are, wherever it has them.

    Args:
        model: Learns everything but these.
        names: Among `PARTS`.
    """
    for name, part in _parts(model).items():
        if name in names:
            part.requires_grad_(False)


def _parts(model: Stser) -> dict[str, nn.Module]:
    """Those of `PARTS` that a model has."""
    encoders = {"smodel": model.smodel, "tmodel": model.tmodel}
    return {name: part for name, part in encoders.items() if part is not None} | dict(model.classifiers.items())


def _take(mine: nn.Module, theirs: nn.Module, folder: Path) -> None:
    try:
        mine.load_state_dict(theirs.state_dict())
    except RuntimeError as error:
        raise DataError(
            f"The checkpoint {folder} is of another shape than this model; start from one alike."
        ) from error
