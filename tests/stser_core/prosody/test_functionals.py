"""Functionals of sounds whose pitch, voice and rhythm are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from stser_core.audio import load_mono
from stser_core.prosody import pitch, spectrum
from stser_core.prosody.frames import HERTZ, frames_of
from stser_core.prosody.functionals import FUNCTIONALS, NAMES, functionals

RATE = 16_000
CLIP = Path(__file__).parents[2] / "data" / "emodb" / "03a02Ta.flac"
EXPECTED = Path(__file__).with_name("functionals.json")


def voice(hertz, seconds=1.0, breath=0.0, seed=0):
    """A sum of harmonics that fall by 12 dB an octave; `hertz` may change with time."""
    at = np.broadcast_to(np.asarray(hertz, dtype=float), round(seconds * RATE))
    phase = 2 * np.pi * np.cumsum(at) / RATE
    harmonics = sum(np.sin(n * phase) / n**2 * (n * at < RATE / 2) for n in range(1, 30))
    noise = breath * np.random.default_rng(seed).standard_normal(len(phase))
    return (0.2 * harmonics + noise).astype(np.float32)


def noise(seconds=1.0, seed=0):
    return (0.05 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def described(samples):
    return dict(zip(NAMES, functionals(samples).tolist(), strict=True))


def semitones(hertz):
    return 12 * np.log2(hertz / 27.5)


@pytest.mark.parametrize("hertz", [70, 95, 123, 220, 311, 450])
def test_the_pitch_of_a_voice_is_found(hertz):
    found = described(voice(hertz))

    assert found["pitch 50 %"] == pytest.approx(semitones(hertz), abs=0.1)
    assert found["pitch range"] < 0.1
    assert found["voiced share"] > 0.9


def test_a_voice_that_rises_is_told_from_one_that_falls():
    up, down = (described(voice(np.linspace(*ends, RATE))) for ends in ((110, 220), (220, 110)))

    assert up["pitch rising"] == pytest.approx(12, rel=0.2)  # an octave in a second
    assert down["pitch falling"] == pytest.approx(-12, rel=0.2)
    assert up["pitch rising"] > 5 * abs(up["pitch falling"])
    assert up["pitch 20 %"] < up["pitch 50 %"] < up["pitch 80 %"]


def test_one_frame_an_octave_off_is_put_right():
    strength = np.full(20, 0.9, np.float32)
    heard = np.full(20, 24.0, np.float32)
    heard[7] += 12

    assert pitch._without_octave_jumps(heard, strength > 0)[7] == 24


def test_noise_has_no_voice_and_breath_lowers_its_harmonics():
    clear, breathy, none = described(voice(150)), described(voice(150, breath=0.05)), described(noise())

    assert none["voiced share"] < 0.2
    assert clear["harmonics to noise mean, voiced"] > breathy["harmonics to noise mean, voiced"] + 5


def test_runs_of_voice_are_counted_and_timed():
    pause = np.zeros(round(0.2 * RATE), np.float32)
    said = np.concatenate([voice(140, 0.3), pause, voice(140, 0.3), pause, voice(140, 0.3)])

    found = described(said)

    assert found["voiced runs per s"] == pytest.approx(3 / 1.3, rel=0.05)
    assert found["voiced run s"] == pytest.approx(0.3, abs=0.04)
    assert found["gap s"] == pytest.approx(0.2, abs=0.04)
    assert found["gap sd"] < 0.02


def test_the_formants_of_a_vowel_are_found():
    """Pulses through three resonators, as in Klatt's synthesiser (1980), which fall by 6 dB an octave."""
    from scipy.signal import lfilter

    sound = np.zeros(RATE // 2)
    sound[::160] = 1  # a hundred pulses a second
    for centre, width in ((700, 80), (1_220, 90), (2_600, 120)):
        radius = np.exp(-np.pi * width / RATE)
        sound = lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * centre / RATE), radius**2], sound)

    sound = lfilter([1], [1, -0.9], sound)
    found = np.median(spectrum.formants(frames_of(np.asarray(sound, np.float32)).power), axis=0)

    assert found[[0, 2, 4]] == pytest.approx([700, 1_220, 2_600], rel=0.1)


def test_a_bright_voice_is_told_from_a_dull_one():
    dull, bright = described(voice(120)), described(np.diff(voice(120), prepend=np.float32(0)))

    assert bright["alpha mean, voiced"] > dull["alpha mean, voiced"] + 5
    assert bright["centre mean, voiced"] > dull["centre mean, voiced"]
    assert bright["hammarberg mean, voiced"] < dull["hammarberg mean, voiced"]


def test_h1_h2_is_the_first_harmonic_over_the_second():
    at = 2 * np.pi * 200 * np.arange(RATE) / RATE
    for over_db in (0, 6, 12):
        sound = 0.3 * np.sin(at) + 0.3 * 10 ** (-over_db / 20) * np.sin(2 * at)
        assert described(sound.astype(np.float32))["H1-H2 mean, voiced"] == pytest.approx(over_db, abs=0.5)


def test_how_far_the_microphone_was_changes_nothing():
    sound = voice(np.linspace(100, 180, RATE), breath=0.02)

    np.testing.assert_allclose(functionals(sound), functionals(sound * 0.01), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(0, np.float32),
        np.zeros(RATE, np.float32),
        np.ones(RATE, np.float32),
        np.array([0.5], np.float32),
        voice(200, 0.02),
        noise(0.05),
        np.sign(voice(200)),
        np.full(RATE, 1e-30, np.float32),
    ],
    ids=["nothing", "silence", "a constant", "one sample", "20 ms", "a click", "clipped", "almost silence"],
)
def test_whatever_comes_has_finite_functionals(sound):
    assert np.isfinite(functionals(sound)).all()


def test_the_number_of_threads_changes_nothing_that_matters():
    sound, threads = voice(130, 2.0, breath=0.03), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = functionals(sound)
        torch.set_num_threads(2)
        np.testing.assert_allclose(functionals(sound), alone, rtol=1e-4, atol=1e-4)
    finally:
        torch.set_num_threads(threads)


def test_the_spectrum_tells_frequencies():
    power = frames_of(np.sin(2 * np.pi * 1_000 * np.arange(RATE) / RATE).astype(np.float32)).power

    assert HERTZ[power[50].argmax()] == 1_000


def test_a_real_voice_has_the_functionals_that_heads_were_trained_on():
    """Where this fails on purpose, `FUNCTIONALS` needs another name, and checkpoints another head."""
    kept = json.loads(EXPECTED.read_text())

    found = described(load_mono(CLIP))

    assert kept["functionals"] == FUNCTIONALS
    assert list(kept["values"]) == list(NAMES)
    for name, value in kept["values"].items():
        assert found[name] == pytest.approx(value, rel=1e-2, abs=1e-2), name
