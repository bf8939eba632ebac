"""Random telephone lines: sound keeps its length and its pitch, lines differ, and real codecs are used."""

import numpy as np
import pytest

from stser_core.config import SAMPLE_RATE
from stser_core.training.lines import random_line, telephone_band

TONE = (0.3 * np.sin(2 * np.pi * 700 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)).astype(np.float32)


def strongest(sound: np.ndarray, rate: int = SAMPLE_RATE) -> float:
    return float(np.abs(np.fft.rfft(sound)).argmax() * rate / len(sound))


def test_lines_keep_length_and_pitch_differ_and_repeat() -> None:
    pause = np.random.default_rng(0).standard_normal(4_000).astype(np.float32)
    lines = [random_line(TONE, np.random.default_rng(seed), [pause]) for seed in range(20)]
    for line in lines:
        assert line.shape == TONE.shape and np.isfinite(line).all() and np.abs(line).max() <= 1
        assert strongest(line) == pytest.approx(700, abs=10)
    assert len({line.tobytes() for line in lines}) == 20
    assert np.array_equal(lines[3], random_line(TONE, np.random.default_rng(3), [pause]))


def test_the_telephone_carries_300_to_3400_hertz() -> None:
    hertz = (100, 1_000, 3_000, 5_000)
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    sound = sum(0.2 * np.sin(2 * np.pi * one * time) for one in hertz).astype(np.float32)
    carried = telephone_band(sound)
    assert carried.shape == sound.shape
    spectrum = np.abs(np.fft.rfft(carried)) / np.abs(np.fft.rfft(sound))
    low, middle, high, treble = spectrum[list(hertz)]
    assert low < 0.05 and treble < 0.02
    assert middle == pytest.approx(1, abs=0.2) and high == pytest.approx(1, abs=0.3)
