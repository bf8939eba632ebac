"""The smodel: log-mel or front-end frames → convolutions → Bi-LSTM → multi-head self-attention → speech vector.

Section 3.1 of "A Multi-Scale Fusion Framework for Bimodal Speech Emotion Recognition" (Chen and Zhao,
Interspeech 2020): a CNN learns local correlations, a Bi-LSTM long-term dependencies, and self-attention weighs
what bears the emotion. Every layer respects the lengths in a padded batch, so an utterance's vector does not
depend on its neighbours.
"""

import torch
from torch import Tensor, nn

from stser_core.config import ConvConfig, SmodelConfig
from stser_core.frontend import frame_mask


class Smodel(nn.Module):
    """Spectrograms, or a front end's frames, to speech vectors."""

    def __init__(self, config: SmodelConfig, channels: int, bands: int) -> None:
        super().__init__()
        self.config = config
        size = config.sequence_size(channels, bands)
        self.standardise = Standardise(2 * channels * bands) if config.input_statistics else None
        self.input_dropout = nn.Dropout2d(config.input_dropout)  # whole channels
        self.blocks = nn.ModuleList()
        for block in config.blocks:
            self.blocks.append(ConvBlock(block, channels))
            channels, bands = block.channels, bands // block.pool[0]
        self.lstm = BiLstm(channels * bands, config.lstm_units) if config.lstm_units else None
        self.attention = nn.MultiheadAttention(size, config.heads, batch_first=True)
        self.attention_dropout = nn.Dropout(config.attention_dropout)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, lengths: Tensor, *, salience: bool = False) -> tuple[Tensor, Tensor | None]:
        """Encode a batch, float32 [batch, channels, bands, frames], zeros after each utterance's end, of these lengths.

        Returns the vectors, float32 [batch, vector]; and with `salience` the proportion of attention that each step
        received, float32 [batch, steps], summing to 1 over an utterance.
        """
        maps, steps = self.input_dropout(x), lengths
        for block in self.blocks:
            maps, steps = block(maps, steps)
        inside = frame_mask(steps, maps.shape[-1])
        sequence = self.dropout(maps.permute(0, 3, 1, 2).flatten(2))  # [batch, steps, channels * bands]
        if self.lstm is not None:
            sequence = self.dropout(self.lstm(sequence, steps))
        padding = None if inside.all() else ~inside  # attention without a mask is faster
        attended, weights = self.attention(
            sequence, sequence, sequence, key_padding_mask=padding, need_weights=salience
        )
        if self.config.residual_attention:
            attended = attended + sequence
        pooled = _pool(attended, inside, self.config.pooling)
        pooled = pooled * self.attention_dropout(torch.ones_like(pooled[:, :1]))  # all of an utterance's or nothing
        if self.standardise is not None:
            given = x.permute(0, 3, 1, 2).flatten(2)
            statistics = _pool(given, frame_mask(lengths, x.shape[-1]), "mean_deviation")
            pooled = torch.cat([pooled, self.standardise(statistics)], 1)
        vector = self.dropout(pooled)
        if weights is not None:
            weights = (weights * inside[:, :, None]).sum(1) / steps[:, None]  # mean over the asking positions
        return vector, weights


class Standardise(nn.Module):
    """Subtracts and divides by fixed values, which are measured before training.

    Batch norm would shift neutral speech away from zero by what each batch sounds like on average; unseen corpora are
    then recognised less well.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))

    def forward(self, vectors: Tensor) -> Tensor:
        """Standardise float32 [batch, size]."""
        return (vectors - self.centre) / self.scale


class ConvBlock(nn.Module):
    """Convolution + batch norm + ReLU + max pooling, independent of what follows an utterance's end."""

    def __init__(self, config: ConvConfig, channels_in: int) -> None:
        super().__init__()
        self.config = config
        bands, frames = config.kernel
        self.convolution = nn.Conv2d(
            channels_in, config.channels, config.kernel, padding=(bands // 2, frames // 2), bias=not config.norm
        )
        self.norm = MaskedBatchNorm(config.channels) if config.norm else None
        # A window of one does no pooling, but torch would search all of it.
        self.pool = nn.Identity() if config.pool == (1, 1) else nn.MaxPool2d(config.pool)

    def forward(self, maps: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the block to maps, float [batch, channels, bands, frames], that are zero after their frames' number.

        Returns the new maps, of which that is true as well, and the new numbers of frames, int64 [batch].
        """
        out = self.convolution(maps)
        if self.norm is not None:
            out = self.norm(out, frame_mask(frames, out.shape[-1]))
        if self.config.activation:
            out = torch.relu(out)
        out = self.pool(out)  # a window that reaches behind the end is not counted in `pooled`
        pooled = frames // self.config.pool[1]
        return out * frame_mask(pooled, out.shape[-1])[:, None, None, :], pooled


class MaskedBatchNorm(nn.BatchNorm2d):
    """Batch norm whose training statistics leave out what lies behind each utterance's end: a batch's padding."""

    def forward(self, maps: Tensor, inside: Tensor | None = None) -> Tensor:
        """Normalise maps, float [batch, channels, bands, frames].

        `inside`, bool [batch, frames], says what counts in training, `None` for all; the rest may become anything.
        """
        if not self.training or inside is None:
            return super().forward(maps)
        held = maps * inside[:, None, None, :]
        count = (inside.sum() * maps.shape[2]).to(torch.float32)
        squares = torch.linalg.vector_norm(held, dim=(0, 2, 3), dtype=torch.float32).square()
        mean = held.sum((0, 2, 3), dtype=torch.float32) / count
        variance = (squares / count - mean.square()).clamp_min(0.0)
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1).clamp_min(1), self.momentum)
        scale = (variance + self.eps).rsqrt() * self.weight
        shift = self.bias - mean * scale
        normalised: Tensor = maps * scale[:, None, None].to(maps.dtype) + shift[:, None, None].to(maps.dtype)
        return normalised


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
        """Run both directions: of [batch, frames, size] and frames, int64 [batch], to [batch, frames, 2 * units]."""
        position = torch.arange(sequence.shape[1], device=frames.device)[None, :, None]
        mirrored = frames[:, None, None] - 1 - position
        order = torch.where(mirrored >= 0, mirrored, position)  # reverses each utterance, and leaves its padding
        onward, _ = self.onward(sequence)
        reverse, _ = self.backward_in_time(sequence.gather(1, order.expand(-1, -1, sequence.shape[2])))
        return torch.cat([onward, reverse.gather(1, order.expand(-1, -1, reverse.shape[2]))], dim=2)


def _pool(sequence: Tensor, inside: Tensor, pooling: str) -> Tensor:
    weight = inside[:, :, None]
    count = weight.sum(1)
    mean = (sequence * weight).sum(1) / count
    if pooling == "mean":
        return mean
    centred = (sequence - mean[:, None]) * weight
    return torch.cat([mean, (centred.square().sum(1) / count + 1e-6).sqrt()], dim=1)
