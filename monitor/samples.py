"""Arithmetic on samples: 16-bit integers, and how loud a piece of sound is above 60 Hz."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from monitor.flow import SAMPLE_RATE

_WINDOW = 480
"""Samples whose level is measured together: 30 ms."""

SILENCE_DBFS = -120.0
"""The level of digital silence: below anything that 16 bits can represent, and still a number."""


def as_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Convert float32 in −1…1 to 16-bit integers, as C libraries take them; what is louder is clipped."""
    scaled = samples * np.float32(32768)
    np.minimum(scaled, 32767, out=scaled)  # several times as fast as np.clip on what is as short as a frame
    np.maximum(scaled, -32768, out=scaled)
    integers: NDArray[np.int16] = scaled.astype(np.int16)
    return integers


def from_pcm(data: bytes, channels: int = 1) -> NDArray[np.float32]:
    """float32 [channels, n] in −1…1 of whole 16-bit little-endian samples, channels interleaved."""
    values = np.frombuffer(data, dtype="<i2").reshape(-1, channels)
    return np.ascontiguousarray(values.T, dtype=np.float32) / np.float32(32768)


def below_60_hz(windows: NDArray[np.float32]) -> NDArray[np.float64]:
    """The part below the voice in short windows [windows, n]: an offset, slow drift, and the hum of 50 or 60 Hz.

    This is each window's least-squares fit by a line and sines of 50 and 60 Hz. What is left of 30 ms without it has at
    least 19 dB less below 65 Hz, and 0.7 dB less at 100 Hz. No window needs another, so the result does not depend
    on how the sound is cut into blocks.
    """
    basis = basis_below_60_hz(windows.shape[1])
    fit: NDArray[np.float64] = (windows.astype(np.float64) @ basis) @ basis.T
    return fit


@lru_cache(maxsize=8)
def basis_below_60_hz(length: int) -> NDArray[np.float64]:
    """The functions of that fit to a window of so many samples: orthonormal columns [length, 6 or fewer]."""
    time = (np.arange(length) - (length - 1) / 2) / SAMPLE_RATE
    phases = 2 * np.pi * np.outer(time, (50, 60))
    columns = np.column_stack([np.ones(length), time, np.cos(phases), np.sin(phases)])
    basis: NDArray[np.float64] = np.linalg.qr(columns).Q
    return basis


def loudness_dbfs(samples: NDArray[np.float32]) -> float:
    """Root mean square of float32 [n] in decibels below full scale, of what lies above 60 Hz; at least `SILENCE_DBFS`.

    A sine of full amplitude has -3.01 dBFS, a square wave 0, an offset or the hum of the mains nothing.
    """
    if samples.size == 0:
        return SILENCE_DBFS
    whole = samples.size // _WINDOW * _WINDOW
    rest = samples.size - whole
    energy = 0.0
    if whole:
        windows = samples[:whole].reshape(-1, _WINDOW)
        energy += float(np.square(windows - below_60_hz(windows)).sum())
    if rest:
        last = samples[None, -_WINDOW:]  # a whole window, of which only what is not counted yet counts
        energy += float(np.square(last - below_60_hz(last))[0, -rest:].sum())
    power = energy / samples.size
    return max(SILENCE_DBFS, 10 * math.log10(power)) if power > 0 else SILENCE_DBFS
