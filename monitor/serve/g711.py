"""G.711: the sample values that the 256 codes of µ-law and A-law stand for (ITU-T G.711)."""

from __future__ import annotations

import numpy as np

_CODES = np.arange(256)
_FULL_SCALE = np.float32(32768)


def _mu_law() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    codes = _CODES ^ 0xFF
    exponent, mantissa = codes >> 4 & 7, codes & 15
    magnitude = ((mantissa << 3) + 0x84 << exponent) - 0x84
    return np.where(codes & 0x80, -magnitude, magnitude).astype(np.float32) / _FULL_SCALE


def _a_law() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    codes = _CODES ^ 0x55
    exponent, mantissa = codes >> 4 & 7, codes & 15
    magnitude = np.where(exponent, (mantissa << 4) + 0x108 << np.maximum(exponent - 1, 0), (mantissa << 4) + 8)
    return np.where(codes & 0x80, magnitude, -magnitude).astype(np.float32) / _FULL_SCALE


MU_LAW = _mu_law()
"""float32 [256] in −1…1, by code."""

A_LAW = _a_law()
"""float32 [256] in −1…1, by code."""
