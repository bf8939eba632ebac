"""Arithmetic on samples: 16-bit integers, and how loud a piece of sound is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SILENCE_DBFS = -120.0
"""What digital silence is given as: below anything that 16 bits can hold, and still a number."""


def as_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Convert float32 in −1…1 to 16-bit integers, as C libraries take them; what is louder is clipped."""
    scaled = samples * np.float32(32768)
    np.minimum(scaled, 32767, out=scaled)  # several times as fast as np.clip on what is as short as a frame
    np.maximum(scaled, -32768, out=scaled)
    integers: NDArray[np.int16] = scaled.astype(np.int16)
    return integers


def loudness_dbfs(samples: NDArray[np.float32]) -> float:
    """Root mean square in decibels below full scale.

    A sine of full amplitude has -3.01 dBFS, a square wave 0.

    Args:
        samples: float32 [n] in −1…1.

    Returns:
        Decibels, never under `SILENCE_DBFS`, which also stands for no samples at all.
    """
    if samples.size == 0:
        return SILENCE_DBFS
    power = float(np.dot(samples, samples)) / samples.size
    return max(SILENCE_DBFS, 10 * math.log10(power)) if power > 0 else SILENCE_DBFS
