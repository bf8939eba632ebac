"""Each kind of augmentation does what its name says, and nothing is done unless it is asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stser_core.audio import SAMPLE_RATE
from stser_core.training.augmentation import (
    Augmentation,
    at_speed,
    change_sound,
    change_spectrogram,
    change_words,
    in_room,
    joined,
    with_noise,
)


def tone(hz: float, seconds: float = 1.0, level: float = 0.3) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (level * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def pitch(sound: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(sound)).argmax() * SAMPLE_RATE / len(sound))


def level(sound: np.ndarray) -> float:
    return float(np.sqrt(np.square(sound).mean()))


def dice() -> np.random.Generator:
    return np.random.default_rng(0)


def test_nothing_is_changed_by_default() -> None:
    sound = tone(440)
    assert np.array_equal(change_sound(sound, Augmentation(), dice()), sound)
    logmel = torch.randn(24, 50)
    assert torch.equal(change_spectrogram(logmel, Augmentation(), dice()), logmel)


@pytest.mark.parametrize("tenths", [8, 9, 11, 12])
def test_speed_changes_length_and_pitch_alike(tenths: int) -> None:
    changed = at_speed(tone(440), tenths)
    assert len(changed) == pytest.approx(SAMPLE_RATE * 10 / tenths, abs=2)
    assert pitch(changed) == pytest.approx(440 * tenths / 10, abs=3)


def test_a_room_keeps_the_level_and_leaves_a_tail() -> None:
    sound = np.concatenate([tone(440, 0.5), np.zeros(SAMPLE_RATE // 2, dtype=np.float32)])
    wet = in_room(sound, dice())
    assert level(wet) == pytest.approx(level(sound), rel=0.01)
    assert level(wet[8_000:9_600]) > 0.01
    assert level(wet[-1_600:]) < level(wet[8_000:9_600]) / 3


def test_noise_is_5_to_30_db_below() -> None:
    sound = tone(440)
    for seed in range(20):
        noise = with_noise(sound, np.random.default_rng(seed)) - sound
        assert -30.5 < 20 * np.log10(level(noise) / level(sound)) < -4.5


def test_a_neutral_clip_is_joined_at_the_same_level() -> None:
    emotional, neutral = tone(440), tone(220, level=0.01)
    both = joined(emotional, neutral, dice())
    assert 2 * SAMPLE_RATE <= len(both) <= 2.2 * SAMPLE_RATE
    halves = [both[:SAMPLE_RATE], both[-SAMPLE_RATE:]]
    assert sorted(round(pitch(half) / 10) for half in halves) == [22, 44]
    assert level(halves[0]) == pytest.approx(level(halves[1]), rel=0.01)


def test_the_telephone_carries_no_treble() -> None:
    sound = tone(5_000) + tone(1_000)
    carried = change_sound(sound, Augmentation(telephone=1.0), dice())
    spectrum = np.abs(np.fft.rfft(carried))
    assert spectrum[5_000] < 0.02 * spectrum[1_000]
    assert len(carried) == len(sound)


def test_gain_changes_the_level_and_never_leaves_full_scale() -> None:
    levels = [level(change_sound(tone(440), Augmentation(gain=1.0), np.random.default_rng(seed))) for seed in range(20)]
    assert min(levels) < 0.1 and max(levels) > 0.3
    loud = change_sound(tone(440, level=0.9), Augmentation(gain=1.0), np.random.default_rng(3))
    assert np.abs(loud).max() <= 1.0


def test_masks_blank_bands_and_times_only() -> None:
    logmel = torch.randn(64, 200)
    changed = change_spectrogram(logmel, Augmentation(masks=1.0), np.random.default_rng(1))
    blank = changed == 0
    assert blank.any() and not blank.all()
    rows, columns = blank.all(1), blank.all(0)
    assert torch.equal(blank, rows[:, None] | columns[None, :])
    assert torch.equal(changed[~blank], logmel[~blank])


def test_a_shift_moves_bands() -> None:
    logmel = torch.arange(24.0)[:, None].expand(24, 5)
    shifts = {
        int(change_spectrogram(logmel, Augmentation(frequency_shift=1.0), np.random.default_rng(seed))[12, 0])
        for seed in range(40)
    }
    assert shifts == set(range(9, 16))


def test_the_same_dice_give_the_same_sound() -> None:
    everything = Augmentation(*[0.7] * 10)
    first, second = (change_sound(tone(440), everything, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, second)


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
