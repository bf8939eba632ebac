"""Training a head on vectors that are already there."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from stser_core import bounds
from stser_core.emotions import index
from stser_core.members.heads import Head, HeadSettings
from stser_core.training.batches import draw_weights
from stser_core.training.voices import Voices

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from stser_core.training.clip import Clip


@dataclass(frozen=True)
class HeadRecipe:
    """How a head is trained. Nothing is stopped early, so nothing has to be held out.

    Attributes:
        head: Its shape; where nothing is said of it, it gets used to voices.
        epochs: Passes over the clips; of a clip's versions, one at random is seen in each.
        batch: Clips in one step.
        learning_rate: At its highest; it rises and falls once (Smith and Topin 2019,
            https://arxiv.org/abs/1708.07120).
        weight_decay: AdamW's.
        label_smoothing: Share of each target that is spread over all labels.
        balance_corpora: Corpora count in proportion to their size to this power: 0 for all alike, 1 as they are.
        seed: Another seed, another head.

    Raises:
        UsageError: A number is out of bounds.
    """

    head: HeadSettings = field(default_factory=lambda: HeadSettings(speaker_adaptation=True))
    epochs: int = 20
    batch: int = 128
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.1
    balance_corpora: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            bounds.check(name, getattr(self, name), 1)
        bounds.check("learning_rate", self.learning_rate, 0, above=True)
        bounds.check("weight_decay", self.weight_decay, 0)
        bounds.check("label_smoothing", self.label_smoothing, 0, 0.9)
        bounds.check("balance_corpora", self.balance_corpora, 0, 1)


@dataclass(frozen=True, eq=False)
class Examples:
    """What a head learns from.

    Attributes:
        vectors: float32 [versions, clips, size].
        targets: int64 [clips], indices into `LABELS`.
        weights: float32 [clips], 1 on average.
        clips: What they are of.
    """

    vectors: Tensor
    targets: Tensor
    weights: Tensor
    clips: Sequence[Clip]

    @classmethod
    def of(cls, vectors: NDArray[np.float32], clips: Sequence[Clip], balance_corpora: float) -> Examples:
        """Labels count alike within each corpus, and corpora as `HeadRecipe.balance_corpora` says."""
        weights = draw_weights(clips, balance_labels=True, balance_corpora=balance_corpora)
        targets = torch.tensor([index(clip.label) for clip in clips])
        return cls(torch.from_numpy(vectors), targets, torch.from_numpy(weights).float(), clips)

    def only(self, kept: Tensor) -> Examples:
        """Those of some clips: bool [clips]."""
        clips = [self.clips[row] for row in kept.nonzero()[:, 0].tolist()]
        return Examples(self.vectors[:, kept], self.targets[kept], self.weights[kept], clips)

    def drawn(self, rows: Tensor, versions: Tensor | int, head: Head) -> Tensor:
        """Vectors as a head is to judge them: without what their voices add, in a draw, where it gets used to voices.

        Args:
            rows: int64 [n], of clips.
            versions: int64 [n], which version of each.
            head: Whose mean is known already.

        Returns:
            float32 [n, size].
        """
        vectors = self.vectors[versions, rows]
        if not head.settings.speaker_adaptation:
            return vectors
        return vectors - self._voices.shifts(rows.tolist(), self.vectors[0], head.mean)

    @cached_property
    def _voices(self) -> Voices:
        return Voices(self.clips)


def train_head(examples: Examples, recipe: HeadRecipe) -> Head:
    """Train a head; the same examples and recipe give the same head.

    Args:
        examples: What to learn from.
        recipe: How.

    Returns:
        In evaluation mode.
    """
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(recipe.seed)
        head = Head(examples.vectors.shape[2], recipe.head)
        head.standardise_by(examples.vectors[0])
        _fit(head.train(), examples, recipe)
    return head.eval()


def _fit(head: Head, examples: Examples, recipe: HeadRecipe) -> None:
    versions, clips, _ = examples.vectors.shape
    steps = recipe.epochs * -(-clips // recipe.batch)
    optimiser = torch.optim.AdamW(head.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.learning_rate, total_steps=steps)
    loss = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing, reduction="none")
    for _ in range(recipe.epochs):
        for rows in torch.split(torch.randperm(clips), recipe.batch):
            seen = examples.drawn(rows, torch.randint(versions, (len(rows),)), head)
            each = head.each(seen)  # [heads, batch, labels]
            targets = examples.targets[rows].repeat(len(each))
            losses = loss(each.flatten(0, 1), targets).view(len(each), -1) * examples.weights[rows]
            optimiser.zero_grad()
            losses.mean(dim=1).sum().backward()  # each head learns as it would alone
            optimiser.step()
            schedule.step()
