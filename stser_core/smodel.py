"""The smodel: log-mel spectrogram → convolution blocks → Bi-LSTM → multi-head self-attention → speech vector.

Section 3.1 of "A Multi-Scale Fusion Framework for Bimodal Speech Emotion Recognition" (Chen and Zhao,
Interspeech 2020): a CNN learns local correlations, a Bi-LSTM long-term dependencies, and self-attention weighs
what bears the emotion. Every layer respects the lengths in a padded batch, so an utterance's vector does not
depend on its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from stser_core import bounds
from stser_core.errors import UsageError
from stser_core.features import frame_mask


@dataclass(frozen=True)
class ConvSettings:
    """One convolution block: convolution + batch norm + ReLU + max pooling.

    Attributes:
        channels: Feature maps.
        kernel: Side of the square kernel, odd.
        stride: Of the convolution, over (bands, frames).
        pool: Of the max pooling, over (bands, frames).
        dilation: Of the convolution over frames.
        residual: Adds the block's input (through a 1x1 convolution) before the ReLU; needs stride (1, 1).

    Raises:
        UsageError: A size is below 1, or the kernel even.
    """

    channels: int
    kernel: int = 3
    stride: tuple[int, int] = (1, 1)
    pool: tuple[int, int] = (2, 2)
    dilation: int = 1
    residual: bool = False

    def __post_init__(self) -> None:
        for what, size in (("channels", self.channels), ("kernel", self.kernel), ("dilation", self.dilation)):
            bounds.check(f"A convolution block's {what}", size, 1)
        for what, sizes in (("stride", self.stride), ("pool", self.pool)):
            bounds.check(f"A convolution block's {what}", min(sizes), 1)
        if self.kernel % 2 == 0:
            raise UsageError(f"A convolution block's kernel must be odd; it is {self.kernel}.")

    def after(self, size: int, axis: int) -> int:
        """What the block leaves of `size` bands (axis 0) or frames (axis 1)."""
        return ((size - 1) // self.stride[axis] + 1) // self.pool[axis]


@dataclass(frozen=True)
class SpeechSettings:
    """The smodel's shape.

    Attributes:
        blocks: The convolution blocks, in order; the paper has one.
        lstm_units: Of the Bi-LSTM, in each direction.
        heads: Of the self-attention; the paper has four.
        pooling: How the sequence becomes one vector: its mean, or its mean and standard deviation over time.
        dropout: Share of units dropped after the convolutions, the Bi-LSTM and the pooling, in training.

    Raises:
        UsageError: A size is below 1, the heads do not divide the Bi-LSTM's two directions, or the dropout is no
            share.
    """

    blocks: tuple[ConvSettings, ...]
    lstm_units: int = 96
    heads: int = 4
    pooling: Literal["mean", "mean_deviation"] = "mean"
    dropout: float = 0.2

    def __post_init__(self) -> None:
        bounds.check("The Bi-LSTM's lstm_units", self.lstm_units, 1)
        bounds.check("The self-attention's heads", self.heads, 1)
        bounds.check("The speech model's dropout", self.dropout, 0, 1)
        if 2 * self.lstm_units % self.heads:
            raise UsageError(
                f"{self.heads} attention heads do not divide the Bi-LSTM's {2 * self.lstm_units} values (twice its "
                "lstm_units)."
            )

    @property
    def vector_size(self) -> int:
        """Length of the speech vector."""
        return 2 * self.lstm_units * (2 if self.pooling == "mean_deviation" else 1)


class Hearing(NamedTuple):
    """What the smodel makes of a padded batch.

    Attributes:
        vector: float32 [batch, vector].
        sequence: float32 [batch, steps, 2 * lstm_units], the Bi-LSTM's output, which the self-attention reads.
        steps: int64 [batch], how many of the steps are each utterance's own.
        salience: float32 [batch, steps], where it was asked for: the share of attention that each step received,
            summing to 1 over the utterance.
    """

    vector: Tensor
    sequence: Tensor
    steps: Tensor
    salience: Tensor | None


class Smodel(nn.Module):
    """Spectrograms to speech vectors."""

    def __init__(self, settings: SpeechSettings, mel_bands: int) -> None:
        super().__init__()
        self.settings = settings
        self.blocks = nn.ModuleList()
        channels, bands = 1, mel_bands
        for block in settings.blocks:
            self.blocks.append(ConvBlock(block, channels))
            channels, bands = block.channels, block.after(bands, axis=0)
        self.lstm = BiLstm(channels * bands, settings.lstm_units)
        self.attention = nn.MultiheadAttention(2 * settings.lstm_units, settings.heads, batch_first=True)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, logmel: Tensor, frames: Tensor, *, salience: bool = False) -> Hearing:
        """Encode a padded batch.

        Args:
            logmel: float32 [batch, bands, frames], as `LogMel` makes it.
            frames: int64 [batch], frames in each spectrogram.
            salience: Also return where the attention rests.
        """
        maps = logmel[:, None]  # [batch, 1, bands, frames]
        for block in self.blocks:
            maps, frames = block(maps, frames)
        steps, inside = frames, frame_mask(frames, maps.shape[-1])
        sequence = maps.permute(0, 3, 1, 2).flatten(2)  # [batch, steps, channels * bands]
        sequence = self.dropout(self.lstm(self.dropout(sequence), steps))
        attended, weights = self.attention(
            sequence, sequence, sequence, key_padding_mask=~inside, need_weights=salience
        )
        vector = self.dropout(_pool(attended, inside, self.settings.pooling))
        if weights is not None:
            weights = (weights * inside[:, :, None]).sum(1) / steps[:, None]  # mean over the asking positions
        return Hearing(vector, sequence, steps, weights)


class ConvBlock(nn.Module):
    """Convolution + batch norm + ReLU + max pooling, blind to what lies behind an utterance's end."""

    def __init__(self, settings: ConvSettings, channels_in: int) -> None:
        super().__init__()
        self.settings = settings
        self.padding = (settings.kernel // 2, settings.dilation * (settings.kernel // 2))
        self.convolution = nn.Conv2d(
            channels_in,
            settings.channels,
            settings.kernel,
            stride=settings.stride,
            padding=self.padding,
            dilation=(1, settings.dilation),
            bias=False,
        )
        self.norm = MaskedBatchNorm(settings.channels)
        self.shortcut = nn.Conv2d(channels_in, settings.channels, 1, bias=False) if settings.residual else None
        # A window of one is no pooling, but torch would search all of it.
        self.pool = nn.Identity() if settings.pool == (1, 1) else nn.MaxPool2d(settings.pool)

    def forward(self, maps: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the block.

        Args:
            maps: float32 [batch, channels, bands, frames], zero after each utterance's end.
            frames: int64 [batch].

        Returns:
            The new maps, zero after each utterance's end, and the new numbers of frames.
        """
        out = self.convolution(maps)
        stride = self.settings.stride[1]
        convolved = torch.div(frames - 1, stride, rounding_mode="floor") + 1
        inside = frame_mask(convolved, out.shape[-1])
        out = self.norm(out, inside)
        if self.shortcut is not None:
            out = out + self.shortcut(maps)
        out = self.pool(torch.relu(out))  # a window that reaches behind the end is not counted in `pooled`
        pooled = torch.div(convolved, self.settings.pool[1], rounding_mode="floor")
        return out * frame_mask(pooled, out.shape[-1])[:, None, None, :], pooled


class MaskedBatchNorm(nn.BatchNorm2d):
    """Batch norm whose training statistics leave out what lies behind each utterance's end.

    So they do not depend on how much of a batch is padding, nor on how a batch is divided among processes.
    """

    def forward(self, maps: Tensor, inside: Tensor | None = None) -> Tensor:
        """Normalise.

        Args:
            maps: float [batch, channels, bands, frames].
            inside: bool [batch, frames], what counts in training; `None` for all.

        Returns:
            The normalised maps; what does not count holds anything.
        """
        if not self.training or inside is None:
            return super().forward(maps)
        held = maps * inside[:, None, None, :]
        count = (inside.sum() * maps.shape[2]).to(torch.float32)
        squares = torch.linalg.vector_norm(held, dim=(0, 2, 3), dtype=torch.float32).square()
        everything = self.over_all(torch.cat([held.sum((0, 2, 3), dtype=torch.float32), squares, count[None]]))
        count = everything[-1]
        mean, squares = (everything[:-1] / count).chunk(2)
        variance = (squares - mean.square()).clamp_min(0.0)
        self._follow(mean.detach(), variance.detach() * count / (count - 1).clamp_min(1))
        scale = (variance + self.eps).rsqrt() * self.weight
        shift = self.bias - mean * scale
        normalised: Tensor = maps * scale[:, None, None].to(maps.dtype) + shift[:, None, None].to(maps.dtype)
        return normalised

    def over_all(self, sums: Tensor) -> Tensor:
        """The batch's sums from this process's part of it: the same, where there is but one process."""
        return sums

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


class BiLstm(nn.Module):
    """A bidirectional LSTM for padded batches.

    Two LSTMs, the second over each utterance's own reversal: the same result as a packed sequence, without its
    cost on a CPU.
    """

    def __init__(self, size: int, units: int) -> None:
        super().__init__()
        self.onward = nn.LSTM(size, units, batch_first=True)
        self.backward_in_time = nn.LSTM(size, units, batch_first=True)

    def forward(self, sequence: Tensor, frames: Tensor) -> Tensor:
        """Run both directions.

        Args:
            sequence: float32 [batch, frames, size].
            frames: int64 [batch].

        Returns:
            float32 [batch, frames, 2 * units].
        """
        order = _reversal(frames, sequence.shape[1])[:, :, None]
        onward, _ = self.onward(sequence)
        reverse, _ = self.backward_in_time(sequence.gather(1, order.expand(-1, -1, sequence.shape[2])))
        return torch.cat([onward, reverse.gather(1, order.expand(-1, -1, reverse.shape[2]))], dim=2)


def _reversal(frames: Tensor, width: int) -> Tensor:
    """Indices [batch, width] that reverse each utterance and leave its padding in place."""
    position = torch.arange(width, device=frames.device)[None, :]
    mirrored = frames[:, None] - 1 - position
    return torch.where(mirrored >= 0, mirrored, position)


def _pool(sequence: Tensor, inside: Tensor, pooling: str) -> Tensor:
    weight = inside[:, :, None]
    count = weight.sum(1)
    mean = (sequence * weight).sum(1) / count
    if pooling == "mean":
        return mean
    centred = (sequence - mean[:, None]) * weight
    return torch.cat([mean, (centred.square().sum(1) / count + 1e-6).sqrt()], dim=1)
