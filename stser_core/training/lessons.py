"""What a teacher makes of the clips, for a small network to learn beside its labels (distillation).

The teacher is an encoder of speech that is far too large to run in every monitor (Whisper's, say), and a head of it
that was trained on the same clips. The network learns three things from it: to tell the main directions of the
encoder's output, pooled over time from its own vector, and moment by moment from its own sequence (Romero et al. 2015,
"FitNets", https://arxiv.org/abs/1412.6550); and the probabilities that the head gives to a clip of speakers that it
never heard (Hinton et al. 2015, https://arxiv.org/abs/1503.02531).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from stser_core import bounds
from stser_core.emotions import LABELS
from stser_core.encoding import pooled
from stser_core.errors import DataError
from stser_core.training.grouping import grouped
from stser_core.training.members.head_training import Examples as HeadExamples
from stser_core.training.members.head_training import HeadRecipe, train_head

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stser_core.training.clip import Clip

_PARTS = 4
_THINNED = 7
"""Neighbouring frames are much alike: their directions are found from every seventh."""


@dataclass(frozen=True)
class Teaching:
    """How much a network learns from a teacher.

    Attributes:
        directions: How many main directions of the teacher's pooled vectors it shall tell.
        vectors: Weight of their squared error in the loss, beside the labels' own.
        moment_directions: How many main directions of the teacher's frames it shall tell at every step.
        moments: Weight of their squared error.
        labels: Share of the labels' loss that is taken against the teacher's probabilities instead.

    Raises:
        UsageError: A number is out of its bounds.
    """

    directions: int = 128
    vectors: float = 1.0
    moment_directions: int = 64
    moments: float = 1.0
    labels: float = 0.5

    def __post_init__(self) -> None:
        bounds.check("teaching.directions", self.directions, 1)
        bounds.check("teaching.vectors", self.vectors, 0)
        bounds.check("teaching.moment_directions", self.moment_directions, 1)
        bounds.check("teaching.moments", self.moments, 0)
        bounds.check("teaching.labels", self.labels, 0, 1)


@dataclass(frozen=True, eq=False)
class Lesson:
    """What one clip teaches.

    Attributes:
        vector: float32 [directions], of the teacher's pooled vector.
        moments: float16 [frames, moment_directions], of its frames.
        probabilities: float32 [labels].
    """

    vector: NDArray[np.float32]
    moments: NDArray[np.float16]
    probabilities: NDArray[np.float32]


def lessons(frames: Sequence[NDArray[np.float16]], clips: Sequence[Clip], teaching: Teaching) -> list[Lesson]:
    """Make the lessons of training clips.

    Args:
        frames: float16 [frames, width]: the teacher's encodings of them.
        clips: With their labels and speakers.
        teaching: How many directions.

    Returns:
        One for each clip, in the same order.

    Raises:
        UsageError: The teacher has fewer directions than it shall teach.
        DataError: There is only one speaker, so that the head cannot advise on any that it never heard.
    """
    width = frames[0].shape[1]
    bounds.check("teaching.directions", teaching.directions, 1, 2 * width)
    bounds.check("teaching.moment_directions", teaching.moment_directions, 1, width)
    vectors = np.stack([pooled(one.astype(np.float32)) for one in frames])
    told = _Directions.of(vectors, teaching.directions).told(vectors)
    some = np.concatenate([one[::_THINNED] for one in frames]).astype(np.float32)
    followed = _Directions.of(some, teaching.moment_directions)
    moments = [followed.told(one.astype(np.float32)).astype(np.float16) for one in frames]
    probabilities = _out_of_fold(vectors, clips)
    return [Lesson(*one) for one in zip(told, moments, probabilities, strict=True)]


@dataclass(frozen=True, eq=False)
class _Directions:
    """The main directions of some standardised vectors; the larger a direction's spread, the larger its values.

    The spreads are taken to the square root, so that the few largest do not hide the rest, and their mean is 1.
    """

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]

    @classmethod
    def of(cls, vectors: NDArray[np.float32], count: int) -> _Directions:
        """Find them: float32 [n, size]."""
        mean, deviation = vectors.mean(axis=0), np.maximum(vectors.std(axis=0), np.float32(1e-5))
        standard = (vectors - mean) / deviation
        values, axes = np.linalg.eigh(standard.T @ standard / len(standard))
        spread = np.sqrt(np.maximum(values[::-1][:count], 1e-9))
        scaled = axes[:, ::-1][:, :count] / np.sqrt(spread * spread.mean())
        return cls(mean, (scaled / deviation[:, None]).astype(np.float32))

    def told(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """What vectors are along them: float32 [n, directions]."""
        along: NDArray[np.float32] = ((vectors - self.mean) @ self.axes).astype(np.float32, copy=False)
        return along


def _out_of_fold(vectors: NDArray[np.float32], clips: Sequence[Clip]) -> NDArray[np.float32]:
    """A head's probabilities for each clip, from speakers that it was not trained on."""
    recipe = HeadRecipe()
    examples = HeadExamples.of(vectors[None], clips, recipe.balance_corpora)
    found = np.zeros((len(clips), len(LABELS)), dtype=np.float32)
    place = {clip.id: position for position, clip in enumerate(clips)}
    speakers = len({clip.speaker for clip in clips})
    if speakers < 2:
        raise DataError("A teacher takes two training speakers or more: it advises on whom it did not learn from.")
    for part in grouped(clips, lambda clip: clip.speaker, "speaker", min(_PARTS, speakers), recipe.seed):
        held = torch.tensor([place[clip.id] for clip in part])
        left = torch.ones(len(clips), dtype=torch.bool).index_fill(0, held, value=False)
        head = train_head(examples.only(left), recipe)
        with torch.inference_mode():
            found[held.numpy()] = head(examples.vectors[0, held]).softmax(dim=1).numpy()
    return found
