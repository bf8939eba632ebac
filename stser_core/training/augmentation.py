"""Augmentation of speech and words for training: each kind behind its own probability, none by default.

Every function draws from the generator that it is given and from nothing else, so that a seed fixes all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import fftconvolve
from torchaudio import functional

from stser_core import bounds
from stser_core.audio import SAMPLE_RATE, telephone_band
from stser_core.text import normalise

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray
    from torch import Tensor

    Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Augmentation:
    """How likely each change is, for each clip in each epoch (0 = never, 1 = always).

    Attributes:
        speed: Played 10 or 20 % faster or slower, pitch and all. Ko et al. 2015 (Interspeech) found speed
            perturbation the best of its kind for recognition; the change most often reported to help here too.
        gain: Louder or softer by up to 12 dB, clipped at full scale; the spectrogram itself ignores the level, so
            this matters for what the telephone line and clipping make of it.
        noise: White to brown noise, 5 to 30 dB below the speech: recordings of one room each are told apart by
            their noise floor, and corpora must not be.
        telephone: 300 to 3400 Hz, µ-law, 8 kHz. Calls are what the monitor is for; networks trained on wide band
            alone lose accuracy on the line.
        reverberation: A room of 0.1 to 0.5 s reverberation time (exponentially decaying noise).
        concatenation: A neutral clip of the same corpus is put before or after an emotional one; the emotion
            stays. People are seldom emotional over a whole turn.
        frequency_shift: The spectrogram is moved by up to three mel bands, as by another vocal tract.
        band_cut: The highest bands are cut away, as a narrower recording or a stronger codec does.
        masks: Two stretches of time and two of bands are blanked (SpecAugment, Park et al. 2019,
            https://doi.org/10.21437/Interspeech.2019-2680).
        dropped_words: This share of a text's words is left out, as a recogniser misses words.
        swapped_words: This share of them is exchanged for words of other texts, as a recogniser mistakes words.
        dropped_marks: Texts lose their punctuation, as recognisers that write none lose it.
        mixup: Two clips of a batch are mixed, and their labels with them (Zhang et al. 2018,
            https://arxiv.org/abs/1710.09412). Words cannot be mixed: as soon as any classifier reads text, nothing
            is.

    Raises:
        UsageError: A probability is not between 0 and 1.
    """

    speed: float = 0.0
    gain: float = 0.0
    noise: float = 0.0
    telephone: float = 0.0
    reverberation: float = 0.0
    concatenation: float = 0.0
    frequency_shift: float = 0.0
    band_cut: float = 0.0
    masks: float = 0.0
    dropped_words: float = 0.0
    swapped_words: float = 0.0
    dropped_marks: float = 0.0
    mixup: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            bounds.check(f"augmentation.{field.name}", getattr(self, field.name), 0, 1)


_SPEEDS = (8, 9, 11, 12)
_PAUSE = SAMPLE_RATE // 5


def change_sound(sound: Sound, settings: Augmentation, dice: Generator) -> Sound:
    """Apply the changes that concern one waveform.

    Args:
        sound: float32 [n] in −1…1, 16 kHz.
        settings: How likely each is.
        dice: The only source of chance.

    Returns:
        float32 [n] in −1…1; of another length where the speed was changed.
    """
    if dice.random() < settings.speed:
        sound = at_speed(sound, int(dice.choice(_SPEEDS)))
    if dice.random() < settings.reverberation:
        sound = in_room(sound, dice)
    if dice.random() < settings.noise:
        sound = with_noise(sound, dice)
    if dice.random() < settings.gain:
        sound = np.clip(sound * np.float32(10 ** (dice.uniform(-12, 12) / 20)), -1, 1)
    if dice.random() < settings.telephone:
        sound = telephone_band(torch.from_numpy(sound)).numpy()
    return sound


def at_speed(sound: Sound, tenths: int) -> Sound:
    """Play at `tenths` tenths of the speed."""
    faster: Sound = functional.resample(torch.from_numpy(sound), tenths, 10).numpy()
    return faster


def in_room(sound: Sound, dice: Generator) -> Sound:
    """Add the reverberation of a room; the level stays."""
    seconds = dice.uniform(0.1, 0.5)
    tail = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    response = dice.standard_normal(len(tail)) * 10 ** (-3 * tail / seconds)
    response *= dice.uniform(0.2, 0.8) / np.sqrt(np.square(response).sum())
    response[0] = 1.0
    wet: Sound = fftconvolve(sound, response.astype(np.float32))[: len(sound)]
    return wet * np.float32(_level(sound) / _level(wet))


def with_noise(sound: Sound, dice: Generator) -> Sound:
    """Add coloured noise (white to brown), 5 to 30 dB below the speech."""
    fast = next_fast_len(len(sound), real=True)
    spectrum = rfft(dice.standard_normal(fast, dtype=np.float32))
    spectrum *= np.maximum(np.arange(len(spectrum), dtype=np.float32), 1) ** np.float32(-dice.uniform(0.0, 1.0))
    noise: Sound = irfft(spectrum, fast)[: len(sound)]
    below = 10 ** (-dice.uniform(5, 30) / 20)
    return np.clip(sound + noise * np.float32(below * _level(sound) / _level(noise)), -1, 1)


def joined(sound: Sound, neutral: Sound, dice: Generator) -> Sound:
    """Put a neutral clip, at the same level, before or after an emotional one, with a short pause between."""
    level = np.float32(_level(sound) / _level(neutral))
    pause = np.zeros(int(dice.integers(_PAUSE)), dtype=np.float32)
    parts = [sound, pause, np.clip(neutral * level, -1, 1)]
    return np.concatenate(parts if dice.random() < 0.5 else parts[::-1])


def change_spectrogram(logmel: Tensor, settings: Augmentation, dice: Generator) -> Tensor:
    """Apply the changes that concern one normalised spectrogram.

    Args:
        logmel: float32 [bands, frames], without padding, of zero mean.
        settings: How likely each is.
        dice: The only source of chance.

    Returns:
        float32 [bands, frames].
    """
    bands, frames = logmel.shape
    lowest = logmel.amin()
    if dice.random() < settings.frequency_shift:
        logmel = _shifted(logmel, int(dice.integers(-3, 4)))
    if dice.random() < settings.band_cut:
        logmel = logmel.clone()
        logmel[bands - int(dice.integers(1, bands // 4 + 1)) :] = lowest
    if dice.random() < settings.masks:
        logmel = logmel.clone()
        for _ in range(2):
            width = int(dice.integers(0, bands // 6 + 1))
            start = int(dice.integers(0, bands - width + 1))
            logmel[start : start + width] = 0.0
            width = int(dice.integers(0, min(40, frames // 5) + 1))
            start = int(dice.integers(0, frames - width + 1))
            logmel[:, start : start + width] = 0.0
    return logmel


def change_words(text: str, settings: Augmentation, others: Sequence[str], dice: Generator) -> str:
    """Make the mistakes of a recogniser; at least one word is left.

    Args:
        text: Words separated by blanks.
        settings: How many are dropped and swapped.
        others: Words to swap in, each as likely as any other.
        dice: The only source of chance.
    """
    if settings.dropped_marks and dice.random() < settings.dropped_marks:
        text = normalise(text) or text
    if not (settings.dropped_words or settings.swapped_words):
        return text
    words = text.split()
    fate = dice.random(len(words))
    swapped = settings.dropped_words + settings.swapped_words
    heard = [
        others[int(dice.integers(len(others)))] if others and one < swapped else word
        for word, one in zip(words, fate, strict=True)
        if one >= settings.dropped_words
    ]
    return " ".join(heard or words[:1])


def _shifted(logmel: Tensor, bands: int) -> Tensor:
    """Move the spectrogram up by `bands`, repeating the edge."""
    index = (torch.arange(logmel.shape[0]) - bands).clamp(0, logmel.shape[0] - 1)
    return logmel[index]


def _level(sound: Sound) -> float:
    return float(np.sqrt(np.square(sound, dtype=np.float64).mean())) or 1e-9
