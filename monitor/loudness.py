"""How loud a piece of sound is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SILENCE_DBFS = -120.0
"""What digital silence is given as: below anything that 16 bits can hold, and still a number."""


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
