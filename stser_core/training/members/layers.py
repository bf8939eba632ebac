"""Training the last layers of a Hub encoder along with a head that was trained on the frozen one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from stser_core.emotions import index
from stser_core.training.batches import draw_weights
from stser_core.training.progress import progress

if TYPE_CHECKING:
    from stser_core.members.heads import Head
    from stser_core.members.hub import HubEncoder
    from stser_core.training.clip import Clip
    from stser_core.training.members.settings import MemberRecipe
    from stser_core.training.sound_cache import SoundCache

_EPOCHS = 3
_BATCH = 16
_HEAD_RATE = 1e-4


def train_with_layers(
    encoder: HubEncoder, head: Head, clips: Sequence[Clip], sounds: SoundCache, recipe: MemberRecipe
) -> dict[str, nn.Parameter]:
    """Train the encoder's last layers and the head, three times over all clips, each encoded by itself.

    Args:
        encoder: Changed in place.
        head: Changed in place.
        clips: Each with sound.
        sounds: Has it.
        recipe: `trained_layers` and `encoder_rate` are used, and the training's seed, balance and smoothing.

    Returns:
        The encoder's parameters that were trained, by name.

    Raises:
        CheckpointError: The encoder has fewer layers.
    """
    trained = encoder.last_layers(recipe.trained_layers)
    encoder.requires_grad_(False)
    for one in trained.values():
        one.requires_grad_(True)
    optimiser = torch.optim.AdamW(
        [
            {"params": list(trained.values()), "lr": recipe.encoder_rate},
            {"params": list(head.heads.parameters()), "lr": _HEAD_RATE},
        ]
    )
    drawing = draw_weights(clips, balance_labels=True, balance_corpora=recipe.training.balance_corpora)
    dice = np.random.default_rng(recipe.training.seed)
    loss = nn.CrossEntropyLoss(label_smoothing=recipe.training.label_smoothing)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(recipe.training.seed)
        head.train()
        order = dice.choice(len(clips), size=_EPOCHS * len(clips), p=drawing / drawing.sum())
        batches = np.array_split(order, -(-len(order) // _BATCH))
        for rows in progress(batches, "Training layers", len(batches)):
            optimiser.zero_grad()
            for row in rows:
                vector = encoder(sounds.samples(clips[row]))
                target = torch.tensor([index(clips[row].label)]).repeat(len(head.heads))
                (loss(head.each(vector[None])[:, 0], target) / len(rows)).backward()
            optimiser.step()
    head.eval()
    return trained
