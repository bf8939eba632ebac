"""What the spectrum of each frame says of the voice: its tilt, its colour, how it moves, its formants.

The descriptors are those of eGeMAPS (Eyben et al. 2016, section 3, https://doi.org/10.1109/TAFFC.2015.2457417), without
formants' bandwidths, and with more of the cepstrum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torchaudio.functional import create_dct, melscale_fbanks

from stser_core.audio import SAMPLE_RATE
from stser_core.prosody.frames import HERTZ, decibel, power_spectrum

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stser_core.prosody.frames import Floats, Frames

_BANDS = 26
CEPSTRUM = 12
_MEL = melscale_fbanks(len(HERTZ), 50.0, SAMPLE_RATE / 2, _BANDS, SAMPLE_RATE)
_DCT = create_dct(CEPSTRUM + 1, _BANDS, norm="ortho")[:, 1:]
_LOUDNESS_POWER = 0.3
_FLOOR = np.float32(1e-7)

FORMANTS = {"F1": (200.0, 1000.0), "F2": (900.0, 2500.0), "F3": (2200.0, 3600.0)}
"""Where the formants of a grown-up's vowels are looked for, in Hz."""

_ORDER = 10
_FORMANT_BINS = int(5_500 / HERTZ[1])
_PRE_EMPHASIS = 0.97
_EMPHASIS: Floats = (
    1 + _PRE_EMPHASIS**2 - 2 * _PRE_EMPHASIS * np.cos(2 * np.pi * HERTZ[:_FORMANT_BINS] / SAMPLE_RATE)
).astype(np.float32)
_ENVELOPE = 256
_PEAK_DB = np.float32(200)
"""How much a peak of the envelope is preferred to what is no peak, however high."""

_ENVELOPE_HERTZ = np.linspace(0, HERTZ[_FORMANT_BINS - 1], _ENVELOPE // 2 + 1, dtype=np.float32)


def mel_bands(frames: Frames) -> Floats:
    """The power in 26 mel bands: float32 [frames, 26]."""
    bands: Floats = (torch.from_numpy(frames.power) @ _MEL).numpy() + _FLOOR
    return bands


def loudness(bands: Floats) -> Floats:
    """How loud each frame is to an ear, nearly (the sum of the bands' powers raised to 0.3): float32 [frames]."""
    summed: Floats = np.power(bands, np.float32(_LOUDNESS_POWER)).sum(axis=1)
    return summed


def cepstrum(bands: Floats) -> Floats:
    """Mel-frequency cepstral coefficients 1 to 12: float32 [frames, 12]."""
    coefficients: Floats = (torch.from_numpy(bands).log() @ _DCT).numpy()
    return coefficients


def flux(bands: Floats) -> Floats:
    """How much the shape of the spectrum differs from the frame's before: float32 [frames]."""
    shape = np.sqrt(bands / bands.sum(axis=1, keepdims=True))
    return np.concatenate([np.zeros(1, np.float32), np.abs(np.diff(shape, axis=0)).sum(axis=1)])


def tilt(frames: Frames) -> Floats:
    """How the spectrum falls: float32 [frames, 6].

    The ratio of 1–5 kHz to 50–1000 Hz (alpha), of the highest peaks below and above 2 kHz (Hammarberg), the slopes
    of 50–500 and 500–1500 Hz in dB/kHz, the centre of gravity in kHz, and the slope of 1500–4000 Hz.
    """
    power, level = frames.power, frames.decibels
    alpha = decibel(power[:, _between(1_000, 5_000)].sum(axis=1)) - decibel(power[:, _between(50, 1_000)].sum(axis=1))
    hammarberg = level[:, _between(50, 2_000)].max(axis=1) - level[:, _between(2_000, 5_000)].max(axis=1)
    centre = (power * (HERTZ / 1_000)).sum(axis=1) / (power.sum(axis=1) + _FLOOR)
    low, middle, high = (_slope(level, *edges) for edges in ((50, 500), (500, 1_500), (1_500, 4_000)))
    return np.stack([alpha, hammarberg, low, middle, centre, high], axis=1)


def harmonics(decibels: Floats, hertz: Floats) -> Floats:
    """The first harmonic over the second, and over the highest between 2 and 3.5 kHz, in dB: float32 [frames, 2].

    Args:
        decibels: Spectra: float32 [frames, bins].
        hertz: The pitch of each: float32 [frames].
    """
    first, second = _level_at(decibels, hertz), _level_at(decibels, 2 * hertz)
    return np.stack([first - second, first - decibels[:, _between(2_000, 3_500)].max(axis=1)], axis=1)


def formants(power: Floats) -> Floats:
    """Frequency in Hz, and height over the mean of the envelope in dB, of three formants: float32 [frames, 6].

    They are the highest peaks of the envelope that linear prediction finds up to 5.5 kHz, each in its range; where
    there is none, the highest place.

    Args:
        power: Spectra: float32 [frames, bins].
    """
    emphasised = torch.from_numpy(power[:, :_FORMANT_BINS] * _EMPHASIS)
    predictor = _linear_prediction(torch.fft.irfft(emphasised)[:, : _ORDER + 1].double().numpy())
    response = power_spectrum(torch.from_numpy(predictor).float(), _ENVELOPE).numpy()
    envelope = 1 / (response + _FLOOR)
    height = decibel(envelope / envelope.mean(axis=1, keepdims=True))
    peak = np.pad((height[:, 1:-1] > height[:, :-2]) & (height[:, 1:-1] >= height[:, 2:]), ((0, 0), (1, 1)))
    preferred = height + _PEAK_DB * peak
    found = []
    for low, high in FORMANTS.values():
        inside = np.flatnonzero((low <= _ENVELOPE_HERTZ) & (high > _ENVELOPE_HERTZ))
        best = inside[preferred[:, inside].argmax(axis=1)]
        found += [_ENVELOPE_HERTZ[best], np.take_along_axis(height, best[:, None], axis=1)[:, 0]]
    return np.stack(found, axis=1)


def _linear_prediction(autocorrelation: NDArray[np.float64]) -> NDArray[np.float64]:
    """The predictor 1, a₁, … of each row by Levinson and Durbin's recursion: [rows, order + 1]."""
    rows, size = autocorrelation.shape
    predictor = np.zeros((rows, size))
    predictor[:, 0] = 1
    error = autocorrelation[:, 0] * 1.0001 + 1e-9
    for order in range(1, size):
        past = autocorrelation[:, order - 1 : 0 : -1]
        reflection = -(autocorrelation[:, order] + (predictor[:, 1:order] * past).sum(axis=1)) / error
        predictor[:, 1:order] += reflection[:, None] * predictor[:, order - 1 : 0 : -1].copy()
        predictor[:, order] = reflection
        error = error * (1 - reflection**2)
    return predictor


def _level_at(level: Floats, hertz: Floats) -> Floats:
    """The level of each frame at a frequency of its own: the highest of three bins."""
    middle = np.round(hertz / HERTZ[1]).astype(np.intp).clip(1, len(HERTZ) - 2)
    near = np.stack([np.take_along_axis(level, (middle + by)[:, None], axis=1)[:, 0] for by in (-1, 0, 1)])
    highest: Floats = near.max(axis=0)
    return highest


def _slope(level: Floats, low: float, high: float) -> Floats:
    inside = _between(low, high)
    kilohertz = HERTZ[inside] / 1_000
    kilohertz = kilohertz - kilohertz.mean()
    slope: Floats = (level[:, inside] * (kilohertz / np.square(kilohertz).sum())).sum(axis=1)
    return slope


def _between(low: float, high: float) -> slice:
    return slice(int(np.searchsorted(HERTZ, low)), int(np.searchsorted(HERTZ, high)))
