"""The log-mel spectrogram: the one definition that training and monitoring share.

The paper's speech input (section 3.1) is the logmel spectrogram of the utterance. Here each utterance is first
trimmed to where its sound is, and its spectrogram is made independent of the recording level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torchaudio.transforms import MelSpectrogram

from stser_core import bounds
from stser_core.audio import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TRIM_FRAME = SAMPLE_RATE // 100
_MINIMUM_SAMPLES = SAMPLE_RATE // 10


@dataclass(frozen=True)
class FeatureSettings:
    """How sound becomes a spectrogram.

    Attributes:
        mel_bands: Number of mel bands.
        window_ms: Length of the Hann window.
        hop_ms: Distance between frames.
        low_hz: Lower edge of the lowest band.
        high_hz: Upper edge of the highest band.
        range_db: Values further than this below the utterance's loudest are raised to that floor.
        normalise: Zero mean and unit variance over the whole `utterance`, or over each `band` by itself, which
            also removes the colour of microphone and line.
        trim_db: Sound at both ends further than this below the loudest 10 ms is cut away, but for `margin_ms`.
        margin_ms: What is left of the quiet ends.

    Raises:
        UsageError: A number is out of its bounds.
    """

    mel_bands: int = 64
    window_ms: float = 25.0
    hop_ms: float = 10.0
    low_hz: float = 50.0
    high_hz: float = 8_000.0
    range_db: float = 80.0
    normalise: Literal["utterance", "band"] = "utterance"
    trim_db: float = 40.0
    margin_ms: float = 100.0

    def __post_init__(self) -> None:
        for name, least, most in (
            ("mel_bands", 1, 1_000),
            ("window_ms", 1, 1_000),
            ("hop_ms", 1, 100),
            ("low_hz", 0, SAMPLE_RATE / 2),
            ("high_hz", 0, SAMPLE_RATE / 2),
            ("range_db", 0, 1_000),
            ("trim_db", 0, 1_000),
            ("margin_ms", 0, 10_000),
        ):
            bounds.check(f"features.{name}", getattr(self, name), least, most)
        bounds.check("features.high_hz", self.high_hz, self.low_hz, above=True)

    @property
    def hop(self) -> int:
        """Distance between frames in samples."""
        return round(SAMPLE_RATE * self.hop_ms / 1000)

    @property
    def minimum_frames(self) -> int:
        """Frames of the shortest utterance that `pad` makes."""
        return _MINIMUM_SAMPLES // self.hop + 1


class LogMel(nn.Module):
    """Waveforms to normalised log-mel spectrograms; a padded batch gives what each waveform alone gives."""

    def __init__(self, settings: FeatureSettings) -> None:
        super().__init__()
        self.settings = settings
        self.hop = settings.hop
        window = round(SAMPLE_RATE * settings.window_ms / 1000)
        self.mel = MelSpectrogram(
            SAMPLE_RATE,
            n_fft=1 << (window - 1).bit_length(),
            win_length=window,
            hop_length=self.hop,
            f_min=settings.low_hz,
            f_max=settings.high_hz,
            n_mels=settings.mel_bands,
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
        frames = lengths // self.hop + 1
        inside = frame_mask(frames, power.shape[-1])[:, None, :]
        loud = power.clamp_min(1e-12).log10().masked_fill(~inside, -torch.inf)
        floor = loud.amax(dim=(1, 2), keepdim=True) - self.settings.range_db / 10
        loud = torch.maximum(loud, floor).masked_fill(~inside, 0.0)
        axes = (1, 2) if self.settings.normalise == "utterance" else (2,)
        count = frames.view(-1, 1, 1) * (power.shape[1] if len(axes) == 2 else 1)
        mean = loud.sum(axes, keepdim=True) / count
        centred = (loud - mean).masked_fill(~inside, 0.0)
        deviation = (centred.square().sum(axes, keepdim=True) / count).sqrt()
        return centred / deviation.clamp_min(1e-3), frames


def frame_mask(frames: Tensor, width: int) -> Tensor:
    """Which positions of a padded batch hold something.

    Args:
        frames: int64 [batch].
        width: Positions in the padded batch.

    Returns:
        bool [batch, width].
    """
    return torch.arange(width, device=frames.device)[None, :] < frames[:, None]


def pad(waveforms: list[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
    """Stack waveforms of different lengths.

    Args:
        waveforms: float32 [n] each.

    Returns:
        float32 [batch, longest] with zeros at the end; int64 [batch] the lengths.
    """
    lengths = [max(len(waveform), _MINIMUM_SAMPLES) for waveform in waveforms]
    batch = np.zeros((len(waveforms), max(lengths)), dtype=np.float32)
    for row, waveform in zip(batch, waveforms, strict=True):
        row[: len(waveform)] = waveform
    return torch.from_numpy(batch), torch.tensor(lengths)


def trim(samples: NDArray[np.float32], settings: FeatureSettings) -> tuple[NDArray[np.float32], int]:
    """Cut the quiet ends of an utterance away.

    Args:
        samples: float32 [n] in −1…1, 16 kHz.
        settings: `trim_db` and `margin_ms` are used.

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
    sounding = np.flatnonzero(power > power.max() * 10 ** (-settings.trim_db / 10))
    margin = round(SAMPLE_RATE * settings.margin_ms / 1000)
    start = max(0, int(sounding[0]) * _TRIM_FRAME - margin)
    end = min(len(samples), int(sounding[-1] + 1) * _TRIM_FRAME + margin)
    return samples[start:end], start
