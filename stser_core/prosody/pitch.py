"""The pitch of each frame, by the autocorrelation of its sound.

A window of sound correlates with itself the less the further it is shifted, periodic or not; divided by the
correlation of the window's own shape, a periodic sound has a peak of nearly 1 at its period (Boersma 1993,
https://www.fon.hum.uva.nl/paul/papers/Proceedings_1993.pdf).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stser_core.audio import SAMPLE_RATE
from stser_core.prosody.frames import HANN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stser_core.prosody.frames import Floats, Frames

LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0
_LAGS = np.arange(int(SAMPLE_RATE / HIGHEST_HZ), int(SAMPLE_RATE / LOWEST_HZ) + 2)
_OCTAVE_COST = 0.02
"""What an octave lower costs, so that twice a period is not taken for one."""

_VOICED = 0.45
"""The least peak of a voiced frame; Boersma's threshold of voicing."""

_FEWEST_VOICED = 4
_JUMP = 9.0
"""Semitones from the median beyond which a pitch may be an octave off."""

_OCTAVE = 12.0
_A0_HZ = 27.5


@dataclass(frozen=True, eq=False)
class Pitch:
    """The pitch of an utterance's frames.

    Attributes:
        semitones: float32 [frames], above 27.5 Hz; of unvoiced frames it says nothing.
        strength: float32 [frames] in 0…1, how periodic the sound is.
        voiced: bool [frames]; never fewer than some, since where a voice is hardly heard (a whisper), the most
            periodic frames stand for it.
    """

    semitones: Floats
    strength: Floats
    voiced: NDArray[np.bool_]

    @property
    def hertz(self) -> Floats:
        """The same in hertz: float32 [frames]."""
        hertz: Floats = _A0_HZ * np.exp2(self.semitones / np.float32(_OCTAVE))
        return hertz


def pitch_of(frames: Frames) -> Pitch:
    """Find the pitch of each frame, between 60 and 500 Hz."""
    normalised = frames.autocorrelation[:, : _LAGS[-1] + 2] / (
        np.maximum(frames.autocorrelation[:, :1], 1e-9) * _OF_THE_WINDOW
    )
    liked = normalised[:, _LAGS] - _PREFERENCE
    lag = _LAGS[liked[:, 1:-1].argmax(axis=1) + 1]
    rows = np.arange(len(lag))
    before, peak, after = (normalised[rows, lag + shift] for shift in (-1, 0, 1))
    curvature = before - 2 * peak + after
    vertex = np.divide(before - after, 2 * curvature, out=np.zeros_like(peak), where=curvature < 0).clip(-0.5, 0.5)
    semitones = (_OCTAVE * np.log2(SAMPLE_RATE / (lag + vertex) / _A0_HZ)).astype(np.float32)
    strength = peak.clip(0.001, 0.9999)
    voiced = _voiced(strength, frames.loud)
    return Pitch(_without_octave_jumps(semitones, voiced), strength, voiced)


def _voiced(strength: Floats, loud: NDArray[np.bool_]) -> NDArray[np.bool_]:
    periodic = (strength > _VOICED) & loud
    beside = np.pad(periodic, 1)
    voiced: NDArray[np.bool_] = periodic & (beside[:-2] | beside[2:])  # one frame alone is no vowel
    if voiced.sum() < _FEWEST_VOICED:
        voiced[np.where(loud, strength, 0).argsort()[-_FEWEST_VOICED:]] = True
    return voiced


def _without_octave_jumps(semitones: Floats, voiced: NDArray[np.bool_]) -> Floats:
    """What is nearer to the utterance's median an octave higher or lower is taken to be there."""
    away = semitones - np.median(semitones[voiced])
    shift = np.where(away > _JUMP, -_OCTAVE, np.where(away < -_JUMP, _OCTAVE, 0)).astype(np.float32)
    folded: Floats = np.where(np.abs(away + shift) < np.abs(away), semitones + shift, semitones)
    return folded


def _autocorrelation_of_the_window() -> Floats:
    size = 1 << (2 * len(HANN) - 1).bit_length()
    whole = np.fft.irfft(np.square(np.abs(np.fft.rfft(HANN, size))))
    shares: Floats = (whole / whole[0])[: _LAGS[-1] + 2].astype(np.float32)
    return shares


_OF_THE_WINDOW = _autocorrelation_of_the_window()
_PREFERENCE = (_OCTAVE_COST * np.log2(_LAGS / _LAGS[0])).astype(np.float32)
