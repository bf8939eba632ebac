"""The log-mel spectrogram: the one definition that training and monitoring share, in NumPy.

The paper's speech input (section 3.1) is the logmel spectrogram of the utterance. Here each utterance is first
trimmed to where its sound is, and its spectrogram is made independent of the recording level.
"""

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from stser_core.config import SAMPLE_RATE, SHORTEST, FeatureConfig

Floats = NDArray[np.float32]

_RANGE_DB = 80.0  # values further below the utterance's loudest are raised to that floor
_TRIM_FRAME = SAMPLE_RATE // 100
_TRIM_DB = 40.0  # sound at both ends further below the loudest 10 ms is cut away, except for the margin
_MARGIN = SAMPLE_RATE // 10
_WHISPERS_PEAK = 1.5


def log_mel(samples: Floats, config: FeatureConfig) -> Floats:
    """The normalised log-mel spectrogram, float32 [bands, frames], of a trimmed utterance, float32 [n] in −1…1.

    What is shorter than 0.1 s is filled up with silence, and `tail_ms` of silence follow. Both ends are padded with
    zeros, so that the first frame is centred on the first sample.
    """
    window, filters = _window(config), _mel_filters(config)
    edge = len(window) // 2
    filled = np.pad(samples, (edge, edge + config.tail + max(0, SHORTEST - len(samples))))
    spectrum = np.fft.rfft(sliding_window_view(filled, len(window))[:: config.hop] * window)
    parts = spectrum.view(spectrum.real.dtype)
    np.square(parts, out=parts)
    power = (parts[:, ::2] + parts[:, 1::2]).astype(np.float32, copy=False) @ filters
    by_peak = config.normalise == "peak"
    log = np.log10(np.maximum(power.T, 1e-30 if by_peak else 1e-12))
    peak = log.max()
    log = np.maximum(log, peak - _RANGE_DB / 10)
    if by_peak:
        return np.asarray((log - peak + _WHISPERS_PEAK + 4) / 4, np.float32)
    return np.asarray((log - log.mean()) / np.maximum(log.std(), 1e-3), np.float32)


@lru_cache(maxsize=8)
def _window(config: FeatureConfig) -> Floats:
    """A periodic Hann window in the middle of zeros: float32 [n_fft]."""
    size = config.n_fft or 1 << (config.window - 1).bit_length()
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(config.window) / config.window)
    before = (size - config.window) // 2
    return np.pad(hann, (before, size - config.window - before)).astype(np.float32)


@lru_cache(maxsize=8)
def _mel_filters(config: FeatureConfig) -> Floats:
    """Triangles that rise from one band's centre to the next and fall to the one after: float32 [bins, bands]."""
    lowest, highest = _mel(config.low_hz, config.mel_scale), _mel(config.high_hz, config.mel_scale)
    corners = _hertz(np.linspace(lowest, highest, config.mel_bands + 2), config.mel_scale)
    bins = np.linspace(0, SAMPLE_RATE // 2, len(_window(config)) // 2 + 1)[:, None]
    low, centre, high = corners[:-2], corners[1:-1], corners[2:]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)).clip(0)
    if config.mel_scale == "slaney":
        triangles *= 2 / (high - low)
    return triangles.astype(np.float32)


def _mel(hertz: float, scale: str) -> float:
    """On HTK's scale, or on Slaney's: linear to 1 kHz, which is 15 mel, then 27 mel for each factor of 6.4."""
    if scale == "htk":
        return float(2595 * np.log10(1 + hertz / 700))
    return hertz * 3 / 200 if hertz < 1_000 else float(15 + 27 * np.log(hertz / 1_000) / np.log(6.4))


def _hertz(mel: NDArray[np.float64], scale: str) -> NDArray[np.float64]:
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    return np.where(mel < 15, mel * 200 / 3, 1_000 * 6.4 ** ((mel - 15) / 27))


def trim(samples: Floats) -> tuple[Floats, int]:
    """Cut the quiet ends of an utterance, float32 [n] in −1…1, 16 kHz, away, but for 0.1 s.

    Returns a view of the samples that are left (all, where there is no sound), and how many were cut at the front.
    """
    whole = len(samples) // _TRIM_FRAME
    power = np.square(samples[: whole * _TRIM_FRAME].reshape(whole, _TRIM_FRAME)).mean(axis=1)
    if whole < 2 or not power.max() > 0:
        return samples, 0
    sounding = np.flatnonzero(power > power.max() * 10 ** (-_TRIM_DB / 10))
    start = max(0, int(sounding[0]) * _TRIM_FRAME - _MARGIN)
    end = min(len(samples), int(sounding[-1] + 1) * _TRIM_FRAME + _MARGIN)
    return samples[start:end], start
