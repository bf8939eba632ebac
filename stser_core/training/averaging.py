"""One checkpoint out of several that began alike: the mean of their weights.

Runs that start from the same pre-trained weights and learn differently end near each other, and the middle between
them is often better than each: a model soup (Wortsman et al. 2022, https://arxiv.org/abs/2203.05482). Unlike an
ensemble of them it costs nothing more when it answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from stser_core import checkpoint as checkpoints
from stser_core.checkpoint import Checkpoint
from stser_core.errors import DataError, UsageError
from stser_core.stser import StserSettings
from stser_core.training.output import need_folder

_MANY = 1_000
_ALIKE = 0.25
"""Cosine between two tensors of many values below which they cannot have begun alike: of random ones it is near 0, of
two text classifiers after one and two epochs from the same weights it was 0.59 or more."""

_CARD = """# The average of {count} checkpoints

The mean of their weights (Wortsman et al. 2022, https://arxiv.org/abs/2203.05482), made by `stser-train average`:

{names}

Its probabilities are not calibrated yet, and nothing was measured: `stser-train evaluate` judges it, and a run that
starts from it (`stser-train fit --start-from`) finds its temperatures. Data, licences and limits are those of the
checkpoints.
"""


def average(folders: Sequence[Path], out: Path) -> Path:
    """Write the average of checkpoints as a checkpoint of its own.

    Args:
        folders: Two or more checkpoints; how their answers become one is taken from the first.
        out: The new checkpoint's folder.

    Returns:
        `out`.

    Raises:
        CheckpointError: One cannot be read.
        UsageError: There is only one.
        DataError: One has members, they are of different shapes, or they did not begin alike.
        OutputError: The folder cannot be written.
    """
    if len(folders) < 2:
        raise UsageError("An average takes two checkpoints or more.")
    need_folder(out.parent)
    given = [checkpoints.load(folder) for folder in folders]
    first = given[0]
    for folder, one in zip(folders, given, strict=True):
        _refuse_another(folder, one, first)
    states = [one.model.state_dict() for one in given]
    first.model.load_state_dict({name: _mean(name, [state[name] for state in states]) for name in states[0]})
    first.model.settings = replace(first.model.settings, temperatures={})
    names = "\n".join(f"* {folder.parent.name}/{folder.name}" for folder in folders)
    card = _CARD.format(count=len(folders), names=names)
    checkpoints.save(
        out, first.model, first.tokenizer, card, weights=first.roster.weights, joining=first.roster.joining
    )
    return out


def _refuse_another(folder: Path, one: Checkpoint, first: Checkpoint) -> None:
    if one.roster.members:
        raise DataError(f"The checkpoint {folder} has further members; average those before a member was trained.")
    if _shape(one.model.settings) != _shape(first.model.settings):
        raise DataError(f"The checkpoint {folder} is of another shape than {first.folder}; average ones alike.")


def _shape(settings: StserSettings) -> StserSettings:
    return replace(settings, temperatures={})


def _mean(name: str, values: Sequence[Tensor]) -> Tensor:
    """The mean of one tensor of each; what counts steps is the first one's."""
    first = values[0]
    if not first.is_floating_point() or all(torch.equal(first, value) for value in values):
        return first
    stacked = torch.stack([value.float() for value in values])
    if first.numel() >= _MANY:
        cosines = torch.cosine_similarity(stacked[:1].flatten(1), stacked[1:].flatten(1))
        if cosines.min() < _ALIKE:
            raise DataError(
                f"These checkpoints did not begin with the same weights ({name} is another altogether): give runs "
                "of one --seed and one --text-encoder or --start-from, which differ in their epochs, rates or data."
            )
    return stacked.mean(dim=0).to(first.dtype)
