"""Resampled sound has no seams, whatever its pieces."""

import numpy as np
import pytest

from monitor.sources.resampling import Resampling


def sine(rate, seconds, frequency=440.0):
    return np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate).astype(np.float32)


def resampled(samples, rate, cut):
    resampling = Resampling(rate, len(samples))
    pieces = [resampling.feed(samples[:, start : start + cut]) for start in range(0, samples.shape[1], cut)]
    return np.concatenate([*pieces, resampling.flush()], axis=1)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
def test_a_tone_stays_that_tone(rate):
    heard = resampled(sine(rate, 2)[None], rate, round(0.03 * rate))[0]
    assert len(heard) == pytest.approx(32_000, abs=1)
    np.testing.assert_allclose(heard[200:-200], sine(16_000, 2)[200 : len(heard) - 200], atol=2e-3)


@pytest.mark.parametrize("cut", [7, 441, 1323, 50_000])
def test_where_it_is_cut_makes_no_difference(cut):
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (1, 44_100)).astype(np.float32)
    np.testing.assert_array_equal(resampled(noise, 44_100, cut), resampled(noise, 44_100, 44_100))


def test_channels_stay_apart():
    heard = resampled(
        np.stack([sine(48_000, 1), np.zeros(48_000, dtype=np.float32), sine(48_000, 1, 900)]), 48_000, 480
    )
    assert heard.shape == (3, 16_000)
    assert not heard[1].any()
    assert abs(np.corrcoef(heard[0], heard[2])[0, 1]) < 0.01


def test_at_16_khz_nothing_changes():
    noise = np.random.default_rng(1).uniform(-1, 1, (2, 5000)).astype(np.float32)
    np.testing.assert_array_equal(resampled(noise, 16_000, 480), noise)


def test_of_nothing_comes_nothing():
    assert Resampling(48_000, 2).flush().shape == (2, 0)
