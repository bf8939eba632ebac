"""An utterance's prosody in one vector: how pitch, loudness, spectrum and voicing are spread and move over it.

After eGeMAPS (Eyben et al. 2016, https://doi.org/10.1109/TAFFC.2015.2457417); steps of pitch and level from frame to
frame stand for jitter and shimmer. They take a ninth of the time of openSMILE's (docs/training.md), so that every
utterance of every channel can have them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stser_core.prosody import spectrum
from stser_core.prosody.frames import HOP_S, frames_of
from stser_core.prosody.pitch import pitch_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stser_core.prosody.frames import Floats

FUNCTIONALS = "prosody-1"
"""The name of this very set: where any of it is computed otherwise, it needs another one."""

_TILT = ("alpha", "hammarberg", "slope 50-500", "slope 500-1500", "centre", "slope 1500-4000")
_CEPSTRUM = tuple(f"mfcc {place + 1}" for place in range(spectrum.CEPSTRUM))
_FORMANTS = tuple(f"{name} {what}" for name in spectrum.FORMANTS for what in ("frequency", "height"))
_VOICED = ("pitch", "flux", *_TILT, "harmonics to noise", *_CEPSTRUM, "H1-H2", "H1-A3", *_FORMANTS)
_UNVOICED = ("flux", *_TILT[:-1])
_LOUD = _CEPSTRUM[:4]
_STEPS = ("pitch step", "level step")
_CONTOUR = ("20 %", "50 %", "80 %", "range", "rising", "rising sd", "falling", "falling sd")
_RHYTHM = (
    "loudness peaks per s",
    "voiced runs per s",
    "voiced run s",
    "voiced run sd",
    "gap s",
    "gap sd",
    "voiced share",
)

NAMES = (
    *(f"{name} {what}, voiced" for what in ("mean", "sd") for name in _VOICED),
    *(f"{name} {what}, unvoiced" for what in ("mean", "sd") for name in _UNVOICED),
    *(f"{name} {what}" for what in ("mean", "sd") for name in _LOUD),
    *(f"{name} {what}" for what in ("mean", "sd") for name in _STEPS),
    "loudness mean",
    "loudness sd",
    *(f"pitch {what}" for what in _CONTOUR),
    *(f"loudness {what}" for what in _CONTOUR),
    *_RHYTHM,
)
"""What each value of the vector is."""

_LARGEST_STEP = (4.0, np.inf)
"""In semitones, and in dB: a pitch that leaps further from one frame to the next is a slip of its search."""


def functionals(samples: Floats) -> Floats:
    """Describe an utterance.

    Args:
        samples: float32 [n] in −1…1, 16 kHz mono, without the silence around it; of nothing at all, or of silence,
            it is as defined as of noise.

    Returns:
        float32 [len(NAMES)], finite.
    """
    frames = frames_of(samples)
    pitch = pitch_of(frames)
    bands = spectrum.mel_bands(frames)
    flux, tilt, cepstrum = spectrum.flux(bands)[:, None], spectrum.tilt(frames), spectrum.cepstrum(bands)
    to_noise = 10 * np.log10(pitch.strength / (1 - pitch.strength))[:, None]
    voiced = pitch.voiced
    of_voice = [
        np.concatenate([pitch.semitones[:, None], flux, tilt, to_noise, cepstrum], axis=1)[voiced],
        spectrum.harmonics(frames.decibels[voiced], pitch.hertz[voiced]),
        spectrum.formants(frames.power[voiced]),
    ]
    unvoiced = frames.loud & ~voiced
    unvoiced = unvoiced if unvoiced.any() else frames.loud
    loudness = spectrum.loudness(bands)
    steps = np.abs(np.diff(np.stack([pitch.semitones, frames.level_db], axis=1), axis=0)).clip(max=_LARGEST_STEP)
    return np.concatenate(
        [
            _mean_and_deviation(np.concatenate(of_voice, axis=1)),
            _mean_and_deviation(np.concatenate([flux, tilt[:, :-1]], axis=1)[unvoiced]),
            _mean_and_deviation(cepstrum[frames.loud, : len(_LOUD)]),
            _mean_and_deviation(steps[voiced[1:] & voiced[:-1]]),
            _mean_and_deviation(loudness[:, None]),
            _contour(pitch.semitones[voiced]),
            _contour(loudness),
            _rhythm(loudness, voiced),
        ]
    ).astype(np.float32)


def _mean_and_deviation(values: Floats) -> Floats:
    """Of [n, descriptors]: the means, then the deviations; of nothing, 0."""
    if not len(values):
        return np.zeros(2 * values.shape[1], np.float32)
    return np.concatenate([values.mean(axis=0), values.std(axis=0)])


def _contour(values: Floats) -> Floats:
    """Percentiles and their range, and how steeply a line rises and falls, a second: 8 values."""
    low, middle, high = np.percentile(values, [20, 50, 80])
    steps = np.diff(values) / HOP_S
    slopes = [_mean_and_deviation(part[:, None]) for part in (steps[steps > 0], steps[steps < 0])]
    return np.concatenate([[low, middle, high, high - low], *slopes])


def _rhythm(loudness: Floats, voiced: NDArray[np.bool_]) -> Floats:
    seconds = len(voiced) * HOP_S
    smooth = np.convolve(loudness, np.ones(5) / 5, "same")
    peaks = (smooth[1:-1] > smooth[:-2]) & (smooth[1:-1] >= smooth[2:]) & (smooth[1:-1] > smooth.mean())
    changes = np.diff(np.pad(voiced, 1).astype(np.int8))
    starts, ends = np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)
    runs, gaps = (ends - starts) * HOP_S, (starts[1:] - ends[:-1]) * HOP_S
    lengths = [_mean_and_deviation(one[:, None]) for one in (runs, gaps)]
    return np.concatenate([[peaks.sum() / seconds, len(runs) / seconds], *lengths, [voiced.mean()]])
