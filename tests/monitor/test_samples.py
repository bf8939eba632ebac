"""Loudness of signals whose level is known."""

import numpy as np
import pytest

from monitor.samples import SILENCE_DBFS, as_int16, loudness_dbfs


def test_an_offset_and_hum_have_no_loudness():
    time = np.arange(16_100) / 16_000
    voice = 0.1 * np.sin(2 * np.pi * 300 * time)
    for below in (0.2, 0.3 * np.sin(2 * np.pi * 50 * time), 0.3 * np.cos(2 * np.pi * 60 * time) - 0.1, 0.2 * time):
        assert loudness_dbfs((voice + below).astype(np.float32)) == pytest.approx(-23.01, abs=0.2)
        assert loudness_dbfs((0 * voice + below).astype(np.float32)) < -65


def test_a_low_voice_loses_little():
    low = np.sin(2 * np.pi * 100 * np.arange(16_000) / 16_000).astype(np.float32)
    assert -5 < loudness_dbfs(low) < -3.01


@pytest.mark.parametrize("samples", [[], [0, 0, 0], [1e-30]])
def test_of_silence_is_a_number(samples):
    assert loudness_dbfs(np.array(samples, dtype=np.float32)) == SILENCE_DBFS


def test_full_scale_is_full_scale_and_beyond_it_is_clipped_not_wrapped():
    samples = np.array([0, 0.5, -0.5, -1, 1, 1.7, -3], dtype=np.float32)
    assert as_int16(samples).tolist() == [0, 16384, -16384, -32768, 32767, 32767, -32768]
