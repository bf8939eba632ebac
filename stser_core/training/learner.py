"""The model as the trainer sees it: a batch in, the summed loss and every classifier's logits out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from stser_core.scores import CLASSIFIERS
from stser_core.stser import Stser, TextBatch

if TYPE_CHECKING:
    from torch import Tensor


class Learner(nn.Module):
    """STSER with its loss: the weighted sum of the classifiers' cross-entropies."""

    def __init__(self, stser: Stser, losses: Mapping[str, float], precision: torch.dtype = torch.float32) -> None:
        """Wrap a model.

        Args:
            stser: The model.
            losses: Weight of each classifier's loss.
            precision: Of training; evaluation is always in float32.
        """
        super().__init__()
        self.stser = stser
        self._losses = dict(losses)
        self._precision = precision

    def forward(
        self,
        targets: Tensor,
        weights: Tensor,
        spectrograms: Tensor | None = None,
        frames: Tensor | None = None,
        pieces: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Answer a batch, as `Collator` makes it.

        Returns:
            `loss` (a scalar) and, for each classifier, its logits, float32 [batch, labels].
        """
        sound = (spectrograms, frames) if spectrograms is not None and frames is not None else None
        text = TextBatch(pieces, mask) if pieces is not None and mask is not None else None
        half = self.training and self._precision != torch.float32
        with torch.autocast(targets.device.type, self._precision, enabled=half):
            out = self.stser(text=text, spectrograms=sound)
        loss = torch.zeros((), device=targets.device)
        for name, logits in out.logits.items():
            column = CLASSIFIERS.index(name)
            each = cross_entropy(logits, targets[:, column], reduction="none")
            # Over the batch's size, not over the sum of weights: so processes that share a batch add up to it.
            loss = loss + self._losses.get(name, 1.0) * (each * weights[:, column]).mean()
        return {"loss": loss, **out.logits}
