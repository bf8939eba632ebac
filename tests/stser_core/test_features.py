"""The log-mel spectrogram shows where the sound is, whatever its level and its neighbours in the batch."""

import numpy as np
import pytest
import torch
from torchaudio.transforms import MelSpectrogram

from stser_core.config import SAMPLE_RATE, FeatureConfig
from stser_core.features import log_mel, trim
from stser_core.training.presets import WHISPER_FEATURES

ALL = [FeatureConfig(), WHISPER_FEATURES]


def sine(hertz: float, seconds: float = 1.0, level: float = 0.3) -> np.ndarray:
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (level * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(samples) * 0.1 * rng.uniform(0.2, 1)).astype(np.float32)


@pytest.mark.parametrize("config", ALL)
def test_the_recording_level_leaves_no_trace(config):
    sound = noise(20_000) + sine(700, 1.25)

    for gain in (0.01, 3.0):
        np.testing.assert_allclose(log_mel(np.float32(gain) * sound, config), log_mel(sound, config), atol=1e-4)


@pytest.mark.parametrize("config", [*ALL, FeatureConfig(mel_bands=40, low_hz=100.0, high_hz=7_600.0)])
@pytest.mark.parametrize("samples", [1_600, 16_000, 50_001])
def test_it_is_torchaudios_mel_spectrogram(config, samples):
    """On a logarithmic scale, normalised; torchaudio is what the first checkpoints were trained with."""
    sound = noise(samples)
    mel = MelSpectrogram(
        SAMPLE_RATE,
        n_fft=config.n_fft or 512,
        win_length=config.window,
        hop_length=config.hop,
        f_min=config.low_hz,
        f_max=config.high_hz,
        n_mels=config.mel_bands,
        mel_scale=config.mel_scale,
        norm="slaney" if config.mel_scale == "slaney" else None,
        pad_mode="constant",
    )
    theirs = mel(torch.from_numpy(np.pad(sound, (0, config.tail)))).clamp_min(1e-12).log10().numpy()
    theirs = np.maximum(theirs, theirs.max() - 8)
    peak, standard = (theirs - theirs.max() + 5.5) / 4, (theirs - theirs.mean()) / theirs.std()
    expected = peak if config.normalise == "peak" else standard

    np.testing.assert_allclose(log_mel(sound, config), expected, atol=1e-4)


@pytest.mark.parametrize("config", ALL)
@pytest.mark.parametrize(
    "sound",
    [np.zeros(16_000), np.zeros(0), np.full(1, 0.5), noise(10), noise(1_599), *np.full((2, 16_000), [[0.5], [1e-30]])],
    ids=["silence", "nothing", "one sample", "ten samples", "under 100 ms", "constant", "denormal"],
)
def test_odd_utterances_give_finite_numbers(config, sound):
    kept, cut = trim(sound.astype(np.float32))
    assert cut == 0 and len(kept) == len(sound)

    spectrogram = log_mel(kept, config)

    assert np.isfinite(spectrogram).all()
    assert spectrogram.shape[1] >= 11


@pytest.mark.parametrize("level", [0.0, 0.003, 3e-5])
def test_trim_cuts_the_quiet_ends_but_for_a_tenth_of_a_second_and_not_a_pause(level):
    ends, pause = level * noise(16_000), np.zeros(8_000, np.float32)
    sound = np.concatenate([ends, sine(500, 0.5), pause, sine(500, 0.5), ends])

    for gain in (1.0, 0.01):
        kept, cut = trim(gain * sound)
        assert cut == 16_000 - 1_600
        assert np.array_equal(kept, gain * sound[cut : 16_000 + 24_000 + 1_600])


def test_whispers_features_are_transformers_own_up_to_the_level():
    from transformers import WhisperFeatureExtractor

    sound = noise(32_000)
    theirs = WhisperFeatureExtractor(feature_size=80)(sound, sampling_rate=16_000, padding="do_not_pad")

    inner = slice(3, 197)  # their ends are mirrored
    difference = log_mel(sound, WHISPER_FEATURES)[:, inner] - theirs["input_features"][0][:, inner]
    assert np.abs(difference - difference.mean()).max() < 2e-3
