"""Several processes that train one model (`torchrun`): who writes, and batch norm over all of them.

Two train as one does only if their batch norms see the whole batch. torch has that for GPUs only (`SyncBatchNorm`);
the one here serves every device that `torch.distributed` reaches.
"""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor, nn


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return int(os.environ.get("RANK", "0")) == 0


def wait_for_all() -> None:
    """Wait until every process has come here; a lone one goes on."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm whose training statistics are those of the whole batch, wherever its parts are."""

    def forward(self, maps: Tensor) -> Tensor:
        """Normalise float32 [batch, channels, height, width]."""
        if not self.training:
            return super().forward(maps)
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        wide = maps.float()
        count = torch.tensor([maps.numel() / maps.shape[1]], device=maps.device)
        total = _summed(torch.cat([wide.sum((0, 2, 3)), count]))
        mean = total[:-1] / total[-1]
        centred = wide - mean[:, None, None]
        variance = _summed(centred.square().sum((0, 2, 3))) / total[-1]
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * total[-1] / (total[-1] - 1), self.momentum)
        scale = (variance + self.eps).rsqrt() * self.weight
        normalised: Tensor = centred * scale[:, None, None] + self.bias[:, None, None]
        return normalised


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


def _summed(part: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(part)
    return total


def share_batch_norms(module: nn.Module) -> None:
    """Put `SharedBatchNorm` in the place of every batch norm below `module`."""
    for name, child in module.named_children():
        if type(child) is nn.BatchNorm2d:
            shared = SharedBatchNorm(child.num_features, child.eps, child.momentum)
            shared.load_state_dict(child.state_dict())
            setattr(module, name, shared)
        else:
            share_batch_norms(child)
