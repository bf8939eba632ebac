"""Samples as the C libraries want them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def as_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Convert float32 in −1…1 to 16-bit integers; what is louder is clipped."""
    scaled = samples * np.float32(32768)
    np.minimum(scaled, 32767, out=scaled)  # several times as fast as np.clip on what is as short as a frame
    np.maximum(scaled, -32768, out=scaled)
    integers: NDArray[np.int16] = scaled.astype(np.int16)
    return integers
