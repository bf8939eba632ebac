"""Augmentation of sound, frames and words for training: each kind behind its own probability, none by default.

Every function draws from the generator that it is given and from nothing else, so that a seed fixes all. Telephone
lines are in `lines`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import fftconvolve
from torch import Tensor
from torchaudio import functional

from stser_core import bounds
from stser_core.audio import SAMPLE_RATE
from stser_core.errors import UsageError
from stser_core.text import normalise

Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Augmentation:
    """How likely each change is, for each clip in each epoch (0 = never, 1 = always).

    With a front end, whose frames are cached, `lines`, `crop` and `frame_noise` apply to sound; without one `speed`,
    `noise`, `telephone`, `reverberation` and `crop` do.

    Attributes:
        lines: The clip comes over one of `line_versions` random telephone lines (see `lines`), instead of as recorded.
        line_versions: Versions of each clip that are cached.
        crop: A random part of `crop_s` seconds is taken: short turns are the hardest.
        crop_s: Shortest and longest part.
        frame_noise: Greatest standard deviation of what is added to all frames of a clip, in units of `frame_scale`.
        speed: Played 10 or 20 % faster or slower (Ko et al. 2015, Interspeech).
        noise: White to brown noise, 5 to 30 dB below the speech.
        telephone: 300 to 3400 Hz, µ-law, 8 kHz.
        reverberation: A room of 0.1 to 0.5 s reverberation time (exponentially decaying noise).
        masks: Two stretches of time and two of bands are blanked (SpecAugment, Park et al. 2019,
            https://doi.org/10.21437/Interspeech.2019-2680); with a front end, of time alone.
        dropped_words: Proportion of a text's words that are left out, as a speech recogniser misses words.
        swapped_words: Proportion of them that are exchanged for words of other texts.
        dropped_marks: Texts lose their punctuation.
    """

    lines: float = 0.0
    line_versions: int = 3
    crop: float = 0.0
    crop_s: tuple[float, float] = (0.5, 1.8)
    frame_noise: float = 0.0
    speed: float = 0.0
    noise: float = 0.0
    telephone: float = 0.0
    reverberation: float = 0.0
    masks: float = 0.0
    dropped_words: float = 0.0
    swapped_words: float = 0.0
    dropped_marks: float = 0.0

    def __post_init__(self) -> None:
        bounds.check("augmentation.line_versions", self.line_versions, 1)
        bounds.check("augmentation.frame_noise", self.frame_noise, 0, 10)
        if not 0 < self.crop_s[0] <= self.crop_s[1]:
            raise UsageError(f"augmentation.crop_s must be a shortest and a longest length; it is {self.crop_s}.")
        for field in fields(self):
            if field.name not in ("line_versions", "frame_noise", "crop_s"):
                bounds.check(f"augmentation.{field.name}", getattr(self, field.name), 0, 1)


_SPEEDS = (8, 9, 11, 12)


# Sound


def telephone_band(samples: Tensor) -> Tensor:
    """Sound as a fixed-line telephone carries it: 300 to 3400 Hz, 8 kHz, 8-bit µ-law (ITU-T G.712 and G.711).

    Args:
        samples: float32 [..., n] in −1…1, 16 kHz.

    Returns:
        float32 [..., n] in −1…1, 16 kHz, of the same length.
    """
    line = functional.resample(samples, SAMPLE_RATE, 8_000, lowpass_filter_width=32, rolloff=0.85)
    for q in (0.5412, 1.3066):  # two sections of a fourth-order Butterworth high-pass
        line = functional.highpass_biquad(line, 8_000, 300.0, q)
    line = functional.mu_law_decoding(functional.mu_law_encoding(line.clamp(-1.0, 1.0), 256), 256)
    wide: Tensor = functional.resample(line, 8_000, SAMPLE_RATE, lowpass_filter_width=32)
    return wide[..., : samples.shape[-1]]


def change_sound(sound: Sound, settings: Augmentation, rng: Generator) -> Sound:
    """Apply the changes of one waveform.

    `sound`: float32 [n] in −1…1, 16 kHz.

    Returns float32 [n] in −1…1; of another length where the speed was changed or a part was taken.
    """
    if rng.random() < settings.crop:
        sound = cropped(sound, settings.crop_s, SAMPLE_RATE, rng)
    if rng.random() < settings.speed:
        sound = at_speed(sound, int(rng.choice(_SPEEDS)))
    if rng.random() < settings.reverberation:
        sound = in_room(sound, rng)
    if rng.random() < settings.noise:
        sound = with_noise(sound, coloured_noise(len(sound), rng), rng.uniform(5, 30))
    if rng.random() < settings.telephone:
        sound = telephone_band(torch.from_numpy(sound)).numpy()
    return sound


def at_speed(sound: Sound, tenths: int) -> Sound:
    """Play at `tenths` tenths of the speed."""
    faster: Sound = functional.resample(torch.from_numpy(sound), tenths, 10).numpy()
    return faster


def in_room(sound: Sound, rng: Generator) -> Sound:
    """Add the reverberation of a room; the level stays."""
    seconds = rng.uniform(0.1, 0.5)
    tail = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    response = rng.standard_normal(len(tail)) * 10 ** (-3 * tail / seconds)
    response *= rng.uniform(0.2, 0.8) / np.sqrt(np.square(response).sum())
    response[0] = 1.0
    wet: Sound = fftconvolve(sound, response.astype(np.float32))[: len(sound)]
    return wet * np.float32(level(sound) / level(wet))


def coloured_noise(length: int, rng: Generator) -> Sound:
    """White to brown noise, float32 [length]."""
    fast = next_fast_len(length, real=True)
    spectrum = rfft(rng.standard_normal(fast, dtype=np.float32))
    spectrum *= np.maximum(np.arange(len(spectrum), dtype=np.float32), 1) ** np.float32(-rng.uniform(0.0, 1.0))
    noise: Sound = irfft(spectrum, fast)[:length]
    return noise


def with_noise(sound: Sound, noise: Sound, below_db: float) -> Sound:
    """Add noise, repeated as often as needed, so many dB below the sound."""
    repeated = np.resize(noise, len(sound))
    gain = 10 ** (-below_db / 20) * level(sound) / level(repeated)
    return np.clip(sound + repeated * np.float32(gain), -1, 1)


def level(sound: Sound) -> float:
    """Root mean square, above 0."""
    return float(np.sqrt(np.square(sound, dtype=np.float64).mean())) or 1e-9


# Frames


def cropped(sequence: Sound, seconds: tuple[float, float], rate: float, rng: Generator) -> Sound:
    """A random part of a sequence [n, ...] of so many items a second; what is shorter stays whole."""
    wanted = max(1, round(rng.uniform(*seconds) * rate))
    start = int(rng.integers(0, max(1, len(sequence) - wanted + 1)))
    return sequence[start : start + wanted]


def mask_frames(frames: Tensor, rng: Generator, *, bands: bool) -> Tensor:
    """Blank two stretches of time and, with `bands`, two of bands, with the sequence's mean: float32 [n, size]."""
    masked = frames.clone()
    mean = frames.mean()
    length, size = frames.shape
    for _ in range(2):
        width = int(rng.integers(0, min(40, length // 5) + 1))
        start = int(rng.integers(0, length - width + 1))
        masked[start : start + width] = mean if bands else frames.mean(0)
        if bands:
            width = int(rng.integers(0, size // 6 + 1))
            start = int(rng.integers(0, size - width + 1))
            masked[:, start : start + width] = mean
    return masked


# Words


def change_words(text: str, settings: Augmentation, others: Sequence[str], rng: Generator) -> str:
    """Make the mistakes of a speech recogniser; at least one word is left."""
    if settings.dropped_marks and rng.random() < settings.dropped_marks:
        text = normalise(text) or text
    if not (settings.dropped_words or settings.swapped_words):
        return text
    words = text.split()
    chance = rng.random(len(words))
    swapped = settings.dropped_words + settings.swapped_words
    left = [
        others[int(rng.integers(len(others)))] if others and one < swapped else word
        for word, one in zip(words, chance, strict=True)
        if one >= settings.dropped_words
    ]
    return " ".join(left or words[:1])
