"""Batch norm over all processes of a distributed run, so that two train as one does.

torch has it for GPUs only (`SyncBatchNorm`); this one serves every device that `torch.distributed` reaches.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.nn import functional as collective


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


def _summed(part: Tensor) -> Tensor:
    """The sum over all processes, through which gradients flow back."""
    total: Tensor = collective.all_reduce(part)  # type: ignore[no-untyped-call]
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
