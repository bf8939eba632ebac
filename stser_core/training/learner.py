"""The model as the trainer sees it: a batch in, the summed loss and every classifier's logits out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from stser_core.errors import UsageError
from stser_core.scores import CLASSIFIERS
from stser_core.stser import Stser, TextBatch

if TYPE_CHECKING:
    from torch import Tensor

    from stser_core.training.lessons import Teaching

_SPEECH = "speech"


class Learner(nn.Module):
    """STSER with its loss: the weighted sum of the classifiers' cross-entropies, and what a teacher asks."""

    def __init__(
        self,
        stser: Stser,
        losses: Mapping[str, float],
        precision: torch.dtype = torch.float32,
        teaching: Teaching | None = None,
    ) -> None:
        """Wrap a model.

        Args:
            stser: The model.
            losses: Weight of each classifier's loss.
            precision: Of training; evaluation is always in float32.
            teaching: Of the smodel by a teacher; `None` without one.

        Raises:
            UsageError: There is a teacher of speech, but nothing that hears.
        """
        super().__init__()
        self.stser = stser
        self._losses = dict(losses)
        self._precision = precision
        self._teaching = teaching
        self.told: nn.Linear | None = None
        if teaching is not None:
            if stser.settings.speech is None:
                raise UsageError("A teacher teaches the speech model, and this run trains none: leave --teacher out.")
            self.told = nn.Linear(stser.settings.speech.vector_size, teaching.directions)

    def train(self, mode: bool = True) -> Learner:
        """Begin to learn or to answer; what is frozen always answers, its batch norms' statistics stay too."""
        super().train(mode)
        for part in (self.stser.smodel, self.stser.tmodel, *self.stser.classifiers.values()):
            if part is not None and not any(one.requires_grad for one in part.parameters()):
                part.eval()
        return self

    def forward(
        self,
        targets: Tensor,
        weights: Tensor,
        spectrograms: Tensor | None = None,
        frames: Tensor | None = None,
        pieces: Tensor | None = None,
        mask: Tensor | None = None,
        directions: Tensor | None = None,
        advice: Tensor | None = None,
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
            told = None if self.told is None or directions is None else self.told(out.speech_vector)
        loss = torch.zeros((), device=targets.device)
        for name, logits in out.logits.items():
            column = CLASSIFIERS.index(name)
            wanted = self._advised(targets[:, column], advice if name == _SPEECH else None)
            each = cross_entropy(logits, wanted, reduction="none")
            # Over the batch's size, not over the sum of weights: so processes that share a batch add up to it.
            loss = loss + self._losses.get(name, 1.0) * (each * weights[:, column]).mean()
        if told is not None and directions is not None and self._teaching is not None:
            loss = loss + self._teaching.vectors * mse_loss(told.float(), directions)
        return {"loss": loss, **out.logits}

    def _advised(self, targets: Tensor, advice: Tensor | None) -> Tensor:
        if advice is None or self._teaching is None:
            return targets
        return targets.lerp(advice, self._teaching.labels)
