"""What a teacher makes of the clips, for a small network to learn beside its labels (distillation).

The teacher is an encoder of speech that is far too large to run in every monitor (Whisper's, say), and a head of it
that was trained on the same clips. The network learns two things from it: to tell the main directions of the encoder's
output from its own vector (Romero et al. 2015, "FitNets", https://arxiv.org/abs/1412.6550), and the probabilities that
the head gives to a clip of speakers that it never heard (Hinton et al. 2015, https://arxiv.org/abs/1503.02531).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from stser_core import bounds
from stser_core.emotions import LABELS
from stser_core.training.grouping import grouped
from stser_core.training.members.head_training import Examples as HeadExamples
from stser_core.training.members.head_training import HeadRecipe, train_head

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stser_core.training.clip import Clip

_PARTS = 4


@dataclass(frozen=True)
class Teaching:
    """How much a network learns from a teacher.

    Attributes:
        directions: How many main directions of the teacher's vectors it shall tell.
        vectors: Weight of their squared error in the loss, beside the labels' own.
        labels: Share of the labels' loss that is taken against the teacher's probabilities instead.

    Raises:
        UsageError: A number is out of its bounds.
    """

    directions: int = 128
    vectors: float = 1.0
    labels: float = 0.5

    def __post_init__(self) -> None:
        bounds.check("teaching.directions", self.directions, 1)
        bounds.check("teaching.vectors", self.vectors, 0)
        bounds.check("teaching.labels", self.labels, 0, 1)


@dataclass(frozen=True, eq=False)
class Lesson:
    """What one clip teaches: float32 [directions], and float32 [labels], probabilities."""

    vector: NDArray[np.float32]
    probabilities: NDArray[np.float32]


def lessons(vectors: NDArray[np.float32], clips: Sequence[Clip], teaching: Teaching) -> list[Lesson]:
    """Make the lessons of training clips.

    Args:
        vectors: float32 [clips, size]: the teacher's encodings of them.
        clips: With their labels and speakers.
        teaching: How many directions.

    Returns:
        One for each clip, in the same order.
    """
    told = _directions(vectors, teaching.directions)
    probabilities = _out_of_fold(vectors, clips)
    return [Lesson(vector, shares) for vector, shares in zip(told, probabilities, strict=True)]


def _directions(vectors: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Main directions of the standardised vectors; the larger a direction's spread, the larger its values.

    The spreads are taken to the square root, so that the few largest do not hide the rest, and their mean is 1.
    """
    standard = (vectors - vectors.mean(axis=0)) / np.maximum(vectors.std(axis=0), 1e-5)
    values, axes = np.linalg.eigh(standard.T @ standard / len(standard))
    spread = np.sqrt(np.maximum(values[::-1][:count], 1e-9))
    turned = standard @ axes[:, ::-1][:, :count] / np.sqrt(spread)
    scaled: NDArray[np.float32] = (turned / np.sqrt(spread.mean())).astype(np.float32)
    return scaled


def _out_of_fold(vectors: NDArray[np.float32], clips: Sequence[Clip]) -> NDArray[np.float32]:
    """A head's probabilities for each clip, from speakers that it was not trained on."""
    recipe = HeadRecipe()
    examples = HeadExamples.of(vectors[None], clips, recipe.balance_corpora)
    found = np.zeros((len(clips), len(LABELS)), dtype=np.float32)
    place = {clip.id: position for position, clip in enumerate(clips)}
    for part in grouped(clips, lambda clip: clip.speaker, "speaker", _PARTS, recipe.seed):
        held = torch.tensor([place[clip.id] for clip in part])
        left = torch.ones(len(clips), dtype=torch.bool).index_fill(0, held, value=False)
        head = train_head(examples.only(left), recipe)
        with torch.inference_mode():
            found[held.numpy()] = head(examples.vectors[0, held]).softmax(dim=1).numpy()
    return found
