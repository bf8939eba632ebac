"""What an encoder outside the model made of an utterance: plain frozen data, importable without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Pooling: TypeAlias = Literal["mean", "mean_deviation"]
"""What a head reads of an utterance: the mean of its frames, or mean and standard deviation over time."""


@dataclass(frozen=True, eq=False)
class Encoding:
    """An utterance as an encoder that the model does not hold sees it, a speech recogniser's say.

    Attributes:
        encoder: The encoder's name, such as `whisper-base`; a member of the ensemble asks for it by this name.
        vector: float32 [n]: its output, pooled over time.
    """

    encoder: str
    vector: NDArray[np.float32]


def pooled(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """An utterance as one vector.

    Args:
        frames: float32 [frames, width], an encoder's output over the utterance's own time.

    Returns:
        float32 [2 · width]: the mean over time, then the standard deviation over time.
    """
    return np.concatenate((frames.mean(axis=0), frames.std(axis=0))).astype(np.float32)


def read(vectors: NDArray[np.float32], pooling: Pooling) -> NDArray[np.float32]:
    """What a head reads of pooled utterances.

    Args:
        vectors: float32 [..., 2 · width], from `pooled`.
        pooling: Which part of it.

    Returns:
        float32 [..., width], or the vectors as they are.
    """
    return vectors[..., : vectors.shape[-1] // 2] if pooling == "mean" else vectors
