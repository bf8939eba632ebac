"""Floating point samples to 16-bit integers."""

import numpy as np

from monitor.pcm import as_int16


def test_full_scale_is_full_scale_and_beyond_it_is_clipped_not_wrapped():
    samples = np.array([0, 0.5, -0.5, -1, 1, 1.7, -3], dtype=np.float32)
    assert as_int16(samples).tolist() == [0, 16384, -16384, -32768, 32767, 32767, -32768]
