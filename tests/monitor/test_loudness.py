"""Loudness of signals whose level is known."""

import numpy as np
import pytest

from monitor.loudness import SILENCE_DBFS, loudness_dbfs


def test_of_a_full_sine_is_minus_three_decibels():
    sine = np.sin(2 * np.pi * 100 * np.arange(16_000) / 16_000).astype(np.float32)
    assert loudness_dbfs(sine) == pytest.approx(-3.01, abs=0.01)
    assert loudness_dbfs(sine / 10) == pytest.approx(-23.01, abs=0.01)


@pytest.mark.parametrize("samples", [[], [0, 0, 0], [1e-30]])
def test_of_silence_is_a_number(samples):
    assert loudness_dbfs(np.array(samples, dtype=np.float32)) == SILENCE_DBFS
