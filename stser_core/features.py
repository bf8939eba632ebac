"""The log-mel spectrogram: the one definition that training and monitoring share.

The paper's speech input (section 3.1) is the logmel spectrogram of the utterance. Here each utterance is first
trimmed to where its sound is, and its spectrogram is made independent of the recording level.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torchaudio.transforms import MelSpectrogram

from stser_core.audio import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stser_core.config import FeatureConfig

MINIMUM_SAMPLES = SAMPLE_RATE // 10

_TRIM_FRAME = SAMPLE_RATE // 100
_WHISPERS_PEAK = 1.5


class LogMel(nn.Module):
    """Waveforms to normalised log-mel spectrograms; a padded batch gives what each waveform alone gives."""

    def __init__(self, config: FeatureConfig) -> None:
        super().__init__()
        self.config = config
        self.mel = MelSpectrogram(
            SAMPLE_RATE,
            n_fft=config.n_fft or 1 << (config.window - 1).bit_length(),
            win_length=config.window,
            hop_length=config.hop,
            f_min=config.low_hz,
            f_max=config.high_hz,
            n_mels=config.mel_bands,
            mel_scale=config.mel_scale,
            norm="slaney" if config.mel_scale == "slaney" else None,
            pad_mode="constant",  # zeros, as the padding of a batch, so that both ends are alike
        )

    def forward(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the spectrograms of a padded batch.

        Args:
            samples: float32 [batch, n], zeros after each waveform's end.
            lengths: int64 [batch], samples in each waveform.

        Returns:
            float32 [batch, bands, frames], zero after each spectrogram's end; int64 [batch] frames in each.
        """
        power = self.mel(samples)  # [batch, bands, frames]
        frames = lengths // self.config.hop + 1
        inside = frame_mask(frames, power.shape[-1])[:, None, :]
        by_peak = self.config.normalise == "peak"
        log_mel = power.clamp_min(1e-30 if by_peak else 1e-12).log10().masked_fill(~inside, -torch.inf)
        peak = log_mel.amax(dim=(1, 2), keepdim=True)
        log_mel = torch.maximum(log_mel, peak - self.config.range_db / 10).masked_fill(~inside, 0.0)
        if by_peak:
            return ((log_mel - peak + _WHISPERS_PEAK + 4) / 4).masked_fill(~inside, 0.0), frames
        axes = (1, 2) if self.config.normalise == "utterance" else (2,)
        count = frames.view(-1, 1, 1) * (power.shape[1] if len(axes) == 2 else 1)
        mean = log_mel.sum(axes, keepdim=True) / count
        centred = (log_mel - mean).masked_fill(~inside, 0.0)
        deviation = (centred.square().sum(axes, keepdim=True) / count).sqrt()
        return centred / deviation.clamp_min(1e-3), frames


def frame_mask(frames: Tensor, width: int) -> Tensor:
    """Mask of the positions of a padded batch that contain frames.

    Args:
        frames: int64 [batch].
        width: Positions in the padded batch.

    Returns:
        bool [batch, width].
    """
    return torch.arange(width, device=frames.device)[None, :] < frames[:, None]


def pad(waveforms: Sequence[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
    """Stack waveforms of different lengths.

    Args:
        waveforms: float32 [n] each; what is shorter than 0.1 s is filled up with silence.

    Returns:
        float32 [batch, longest] with zeros at the end; int64 [batch] the lengths.
    """
    lengths = [max(len(waveform), MINIMUM_SAMPLES) for waveform in waveforms]
    batch = np.zeros((len(waveforms), max(lengths)), dtype=np.float32)
    for row, waveform in zip(batch, waveforms, strict=True):
        row[: len(waveform)] = waveform
    return torch.from_numpy(batch), torch.tensor(lengths)


def pad_frames(sequences: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Stack frame sequences of different lengths.

    Args:
        sequences: float [n, size] each.

    Returns:
        float32 [batch, longest, size] with zeros at the end; int64 [batch] the lengths.
    """
    counts = torch.tensor([len(one) for one in sequences], device=sequences[0].device)
    return nn.utils.rnn.pad_sequence([one.float() for one in sequences], batch_first=True), counts


def trim(samples: NDArray[np.float32], config: FeatureConfig) -> tuple[NDArray[np.float32], int]:
    """Cut the quiet ends of an utterance away.

    Args:
        samples: float32 [n] in −1…1, 16 kHz.
        config: `trim_db` and `margin_ms` are used.

    Returns:
        A view of the samples that are left, and how many were cut at the front. An utterance without any sound
        comes back whole.
    """
    whole = len(samples) // _TRIM_FRAME
    if whole < 2:
        return samples, 0
    power = np.square(samples[: whole * _TRIM_FRAME].reshape(whole, _TRIM_FRAME)).mean(axis=1)
    if not power.max() > 0:
        return samples, 0
    sounding = np.flatnonzero(power > power.max() * 10 ** (-config.trim_db / 10))
    margin = round(SAMPLE_RATE * config.margin_ms / 1000)
    start = max(0, int(sounding[0]) * _TRIM_FRAME - margin)
    end = min(len(samples), int(sounding[-1] + 1) * _TRIM_FRAME + margin)
    return samples[start:end], start
