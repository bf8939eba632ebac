"""Sequences of different lengths in one batch."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def frame_mask(frames: Tensor, width: int) -> Tensor:
    """Mask of the positions of a padded batch that contain frames, int64 [batch]: bool [batch, width]."""
    return torch.arange(width, device=frames.device)[None, :] < frames[:, None]


def pad_frames(sequences: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Stack frame sequences, float [n, size] each.

    Returns:
        float32 [batch, longest, size] with zeros at the end; int64 [batch] the lengths.
    """
    counts = torch.tensor([len(one) for one in sequences], device=sequences[0].device)
    return nn.utils.rnn.pad_sequence([one.float() for one in sequences], batch_first=True), counts
