"""Samples as the C libraries want them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def as_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Convert float32 in −1…1 to 16-bit integers; what is louder is clipped."""
    clipped: NDArray[np.int16] = np.clip(samples * 32768.0, -32768, 32767).astype(np.int16)
    return clipped
