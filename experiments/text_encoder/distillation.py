"""The ALBERT that learns from a sentence encoder, as the trainer sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from stser_core.tmodel import Tmodel

_SHARPNESS = 20.0


class Distillation(nn.Module):
    """A tmodel whose vectors, projected, shall point where the teacher's point.

    The loss is one minus the cosine between the two, plus a contrastive term: among all of the batch's teacher
    vectors each text has to find its own. The second tells near texts apart, which the first alone is slow to.
    """

    def __init__(self, tmodel: Tmodel, width: int, *, contrast: float = 0.1) -> None:
        """Put a projection on a tmodel.

        Args:
            tmodel: Learns.
            width: Length of the teacher's vectors.
            contrast: Weight of the contrastive term.
        """
        super().__init__()
        self.tmodel = tmodel
        self.projection = nn.Linear(tmodel.settings.vector_size, width)
        self._contrast = contrast

    def forward(self, pieces: Tensor, mask: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Learn from a batch.

        Args:
            pieces: int64 [batch, n], as the tokenizer makes them.
            mask: int64 [batch, n].
            targets: float32 [batch, width], the teacher's vectors, of unit length.

        Returns:
            `loss`, and `cosine` with each text's target, float32 [batch].
        """
        half = self.training and pieces.device.type == "cpu"
        with torch.autocast(pieces.device.type, torch.bfloat16, enabled=half):
            vectors = self.projection(self.tmodel(pieces, mask))
        vectors = normalize(vectors.float(), dim=1)
        cosine = (vectors * targets).sum(1)
        own = torch.arange(len(targets), device=targets.device)
        contrast = cross_entropy(_SHARPNESS * vectors @ targets.T, own)
        return {"loss": (1 - cosine).mean() + self._contrast * contrast, "cosine": cosine}


def piece_embeddings(vectors: NDArray[np.float32], width: int) -> Tensor:
    """First embeddings for a vocabulary: the main directions of what the teacher makes of each piece by itself.

    Args:
        vectors: float32 [pieces, teacher's width].
        width: Of the embeddings.

    Returns:
        float32 [pieces, width], of the spread that ALBERT starts with (0.02).
    """
    centred = vectors - vectors.mean(axis=0)
    _, _, directions = np.linalg.svd(centred[:: max(1, len(centred) // 8_000)], full_matrices=False)
    turned = torch.from_numpy(centred @ directions[:width].T)
    return turned * (0.02 / turned.std())
