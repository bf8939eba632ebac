"""Detects music: hold music and ringing tones express nobody's emotion.

A note stands still and leaves a line in the spectrum, several at once make music; the harmonics of a voice glide. So
the bins that stand out of their surroundings for half a second are counted (Seyerlehner et al., "Automatic Music
Detection in Television Productions", DAFx 2007), and have to hold a good part of the power, so that music behind a
voice does not count. Measured on synthesised instrument music and on 875 turns of speech, wide-band
and through eight codecs (docs/architecture.md).
"""

import numpy as np
from numpy.typing import NDArray

_WINDOW = 1024
_HOP = 512
_BAND = slice(8, 220)
"""Bins from 125 to 3400 Hz, which a telephone line lets through."""

_SHORTEST = 20
_LOUD = 10**-3.5
"""Frames whose highest bin is this much weaker than that of the turn are left out."""
_HOLES = 10**-6.0
"""Codecs leave out what is inaudible; what is this much below a frame's highest bin says nothing."""
_TONES_DB = -33.0
"""Spectral flatness of nothing but a tone or two; of speech, in spite of hum and codecs, it is −30 dB or more."""
_AROUND = 10
_ABOVE_DB = 10.0
_BLOCK = 16
_BESIDE = 3
_LINES = 5
_LINES_HELD = 3.4
_HELD = 0.6
_POWER = 0.275


def is_music(samples: NDArray[np.float32]) -> bool:
    """Whether a turn, float32 [n], is music or tones and no speech; false for what is shorter than 0.7 s."""
    count = 1 + (samples.size - _WINDOW) // _HOP
    if count < _SHORTEST:
        return False
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP] * np.hanning(_WINDOW).astype(np.float32)
    power = np.abs(np.fft.rfft(frames, axis=1)[:, _BAND]) ** 2 + 1e-12
    highest = power.max(axis=1, keepdims=True)
    loud = highest > _LOUD * highest.max()
    power = np.maximum(power, _HOLES * highest)
    level = 10 * np.log10(power)
    flatness = level.mean(axis=1) - 10 * np.log10(power.mean(axis=1))
    return bool(flatness[loud[:, 0]].mean() < _TONES_DB) or _has_lines(power, (level > _around(level)) & loud)


def _around(level: NDArray[np.floating]) -> NDArray[np.floating]:
    """The level that a bin has to exceed to stand out of its surroundings."""
    sums = np.cumsum(np.pad(level, ((0, 0), (_AROUND + 1, _AROUND)), mode="edge"), axis=1)
    width = 2 * _AROUND + 1
    around: NDArray[np.floating] = (sums[:, width:] - sums[:, :-width]) / width + _ABOVE_DB
    return around


def _has_lines(power: NDArray[np.floating], stands_out: NDArray[np.bool_]) -> bool:
    """Whether the bins [frames, bins] that stand out form lines, and these hold much of the power."""
    blocks = np.lib.stride_tricks.sliding_window_view(stands_out, _BLOCK, axis=0)[:: _BLOCK // 2].mean(axis=-1)
    inner = blocks[:, _BESIDE:-_BESIDE]
    lines = np.minimum(inner - blocks[:, : -2 * _BESIDE], inner - blocks[:, 2 * _BESIDE :])
    if np.sort(lines, axis=1)[:, -_LINES:].sum(axis=1).mean() < _LINES_HELD:
        return False
    held = np.pad(lines > _HELD, ((0, 0), (_BESIDE, _BESIDE)))
    held[:, 1:-1] = held[:, 1:-1] | held[:, 2:] | held[:, :-2]
    powers = np.lib.stride_tricks.sliding_window_view(power, _BLOCK, axis=0)[:: _BLOCK // 2].sum(axis=-1)
    return bool((np.where(held, powers, 0).sum(axis=1) / powers.sum(axis=1)).mean() > _POWER)
