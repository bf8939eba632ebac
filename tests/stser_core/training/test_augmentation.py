"""Each kind of augmentation does what its name says, and nothing is done unless it is asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stser_core.audio import SAMPLE_RATE
from stser_core.training.augmentation import (
    Augmentation,
    at_speed,
    change_sound,
    change_words,
    coloured_noise,
    cropped,
    in_room,
    mask_frames,
    telephone_band,
    with_noise,
)


def tone(hz: float, seconds: float = 1.0, level: float = 0.3) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (level * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def pitch(sound: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(sound)).argmax() * SAMPLE_RATE / len(sound))


def level(sound: np.ndarray) -> float:
    return float(np.sqrt(np.square(sound).mean()))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_nothing_is_changed_by_default() -> None:
    assert np.array_equal(change_sound(tone(440), Augmentation(), rng()), tone(440))


@pytest.mark.parametrize("below", [5.0, 30.0])
def test_noise_is_as_far_below_the_sound_as_is_said(below: float) -> None:
    noise = with_noise(tone(440), coloured_noise(500, rng()), below) - tone(440)
    assert 20 * np.log10(level(noise) / level(tone(440))) == pytest.approx(-below, abs=0.5)


def test_a_part_is_as_long_as_is_said_and_from_anywhere() -> None:
    frames = np.arange(100)
    parts = [cropped(frames, (0.4, 0.8), 25.0, np.random.default_rng(n)) for n in range(50)]
    assert {len(part) for part in parts} == set(range(10, 21))
    assert min(part[0] for part in parts) < 10 and max(part[-1] for part in parts) > 90
    assert np.array_equal(cropped(frames[:5], (0.4, 0.8), 25.0, rng()), frames[:5])


@pytest.mark.parametrize("bands", [True, False])
def test_masks_blank_stretches_of_time_and_bands_only(bands: bool) -> None:
    frames = torch.randn(200, 64)
    changed = mask_frames(frames, np.random.default_rng(1), bands=bands) != frames
    times, columns = changed.all(1), changed.all(0)
    assert times.any() and columns.any() == bands
    assert torch.equal(changed, times[:, None] | columns[None, :])


def test_the_same_seed_gives_the_same_sound() -> None:
    everything = Augmentation(crop=0.7, speed=0.7, noise=0.7, telephone=0.7, reverberation=0.7)
    first, second = (change_sound(tone(440), everything, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("tenths", [8, 9, 11, 12])
def test_speed_changes_length_and_pitch_alike(tenths: int) -> None:
    changed = at_speed(tone(440), tenths)
    assert len(changed) == pytest.approx(SAMPLE_RATE * 10 / tenths, abs=2)
    assert pitch(changed) == pytest.approx(440 * tenths / 10, abs=3)


def test_a_room_keeps_the_level_and_leaves_a_tail() -> None:
    sound = np.concatenate([tone(440, 0.5), np.zeros(SAMPLE_RATE // 2, dtype=np.float32)])
    wet = in_room(sound, rng())
    assert level(wet) == pytest.approx(level(sound), rel=0.01)
    assert level(wet[8_000:9_600]) > 0.01
    assert level(wet[-1_600:]) < level(wet[8_000:9_600]) / 3


def test_the_telephone_carries_no_treble() -> None:
    sound = tone(5_000) + tone(1_000)
    carried = change_sound(sound, Augmentation(telephone=1.0), rng())
    spectrum = np.abs(np.fft.rfft(carried))
    assert spectrum[5_000] < 0.02 * spectrum[1_000]
    assert len(carried) == len(sound)


def test_words_are_dropped_and_swapped_at_their_rates() -> None:
    text = " ".join(["own"] * 4_000)
    heard = change_words(
        text, Augmentation(dropped_words=0.2, swapped_words=0.1), ["other"], np.random.default_rng(0)
    ).split()
    assert len(heard) == pytest.approx(3_200, rel=0.05)
    assert heard.count("other") == pytest.approx(400, rel=0.2)


def test_a_text_never_loses_its_last_word() -> None:
    assert change_words("hello there", Augmentation(dropped_words=1.0), [], np.random.default_rng(0)) == "hello"
    assert change_words("hello there", Augmentation(), ["other"], np.random.default_rng(0)) == "hello there"


def test_marks_are_dropped_from_whole_texts() -> None:
    heard = [
        change_words("Oh! Really?", Augmentation(dropped_marks=0.5), [], np.random.default_rng(n)) for n in range(40)
    ]
    assert set(heard) == {"Oh! Really?", "oh really"}


def test_the_telephone_keeps_its_band() -> None:
    for hertz in (400, 1_000, 2_000, 3_000, 3_300):
        assert _through_telephone(hertz) == pytest.approx(0, abs=1.5), hertz


def test_the_telephone_cuts_what_is_outside_its_band() -> None:
    for hertz in (50, 100, 150, 4_000, 5_000, 6_000, 7_500):
        assert _through_telephone(hertz) < -20, hertz


@given(length=st.integers(min_value=1, max_value=5_000))
def test_the_telephone_keeps_the_length(length: int) -> None:
    assert telephone_band(torch.zeros(2, length)).shape == (2, length)


def _through_telephone(hertz: int) -> float:
    """Change of level in dB."""
    heard = telephone_band(torch.from_numpy(tone(hertz))).numpy()[2_000:-2_000]
    return float(20 * np.log10(level(heard) / (0.3 / np.sqrt(2))))
