"""An utterance cut into overlapping frames: the power spectrum and the autocorrelation of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from torch import Tensor

from stser_core.audio import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]

WINDOW = SAMPLE_RATE * 40 // 1000
"""Three periods of a voice of 75 Hz, as Boersma (1993) asks for a window."""

HOP_S = 0.01
_HOP = round(SAMPLE_RATE * HOP_S)
_FFT = 1024
_LOUDNESS = 0.05
_FEWEST = 4
_SILENCE = 1e-9
_RANGE_DB = 40.0

HERTZ = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE).astype(np.float32)
"""The frequency of each of a spectrum's bins."""

HANN: Floats = np.hanning(WINDOW + 2)[1:-1].astype(np.float32)


@dataclass(frozen=True, eq=False)
class Frames:
    """An utterance's frames of 40 ms, 10 ms apart.

    Attributes:
        power: float32 [frames, bins], the power spectrum, its frequencies in `HERTZ`.
        decibels: float32 [frames, bins], the same in dB.
        autocorrelation: float32 [frames, lags], of the windowed frame, not yet divided by anything.
        level_db: float32 [frames].
        loud: bool [frames], whether a frame is at most 40 dB below the loudest.
    """

    power: Floats
    decibels: Floats
    autocorrelation: Floats
    level_db: Floats
    loud: NDArray[np.bool_]


def frames_of(samples: Floats) -> Frames:
    """Cut an utterance into frames.

    Args:
        samples: float32 [n] in −1…1, 16 kHz. All of it is brought to the same loudness first: the distance to the
            microphone says nothing of the mood.
    """
    root_mean_square = float(np.sqrt(np.square(samples).mean())) if len(samples) else 0.0
    level = samples * np.float32(_LOUDNESS / max(root_mean_square, _SILENCE))
    around = np.pad(level, WINDOW // 2)
    around = np.pad(around, (0, max(0, WINDOW + (_FEWEST - 1) * _HOP - len(around))))
    # torch and not numpy: the pipeline says how many threads torch may use, and torch's transform keeps float32.
    cut = torch.from_numpy(around).unfold(0, WINDOW, _HOP)
    windowed = (cut - cut.mean(dim=1, keepdim=True)) * torch.from_numpy(HANN)
    spectra = power_spectrum(windowed, _FFT)
    power, autocorrelation = spectra.numpy(), torch.fft.irfft(spectra)[:, : WINDOW // 2].numpy()
    level_db = decibel(autocorrelation[:, 0])
    return Frames(power, decibel(power), autocorrelation, level_db, level_db > level_db.max() - _RANGE_DB)


def power_spectrum(rows: Tensor, size: int) -> Tensor:
    """float32 [rows, n], zeros added up to the size, to float32 [rows, size / 2 + 1]."""
    spectrum = torch.fft.rfft(rows, size)
    power: Tensor = spectrum.real.square() + spectrum.imag.square()
    return power


def decibel(power: Floats) -> Floats:
    """10 log₁₀, of nothing less than −90 dB."""
    return 10 * np.log10(np.maximum(power, np.float32(_SILENCE)))
