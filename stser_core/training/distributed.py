"""Several processes that train one model (`torchrun`): who writes, and what they have to know of each other.

Two train as one does only if their batch norms see the whole batch. torch has that for GPUs only (`SyncBatchNorm`);
the one here serves every device that `torch.distributed` reaches.
"""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor, nn

from stser_core.errors import UsageError
from stser_core.smodel import MaskedBatchNorm


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return int(os.environ.get("RANK", "0")) == 0


def processes() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def shared_batch(batch: int, clips: int) -> int:
    """Clips in a batch, such that every process has the same share of it.

    Args:
        batch: As asked for.
        clips: No batch can be larger.

    Raises:
        UsageError: There are more processes than clips in a batch.
    """
    most = min(batch, clips)
    shared = most - most % processes()
    if not shared:
        raise UsageError(f"{processes()} processes cannot share a batch of {most}; give a larger --batch, or fewer.")
    return shared


def wait_for_all() -> None:
    """Wait until every process has come here; a lone one goes on."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()


def gathered(part: Tensor) -> Tensor:
    """What every process has of a batch, one part after the other; each has as many rows. Without their gradients."""
    if not torch.distributed.is_initialized():
        return part
    parts = [torch.empty_like(part) for _ in range(processes())]
    torch.distributed.all_gather(parts, part.contiguous())
    return torch.cat(parts)


class SharedBatchNorm(MaskedBatchNorm):
    """Batch norm whose training statistics are those of the whole batch, wherever its parts are."""

    def over_all(self, sums: Tensor) -> Tensor:
        """Add up the sums of all processes."""
        total: Tensor = _Sum.apply(sums)
        return total


class _Sum(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(context: Any, part: Tensor) -> Tensor:  # noqa: ANN401 (torch's own context)
        total = part.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        return _Sum.forward(context, gradient)


def share_batch_norms(module: nn.Module) -> None:
    """Put `SharedBatchNorm` in the place of every batch norm below `module`."""
    for name, child in module.named_children():
        if type(child) is MaskedBatchNorm:
            shared = SharedBatchNorm(child.num_features, child.eps, child.momentum)
            shared.load_state_dict(child.state_dict())
            setattr(module, name, shared)
        else:
            share_batch_norms(child)
