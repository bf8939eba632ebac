"""Where an example's speech comes from: cached front-end frames with drawn baselines, or log-mel made on the fly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from stser_core.audio import SAMPLE_RATE
from stser_core.config import CheckpointConfig
from stser_core.features import LogMel, pad
from stser_core.speaker_baseline import baseline
from stser_core.training.augmentation import Augmentation, change_sound, cropped, mask_frames
from stser_core.training.clip import Clip
from stser_core.training.frame_cache import FrameCache
from stser_core.training.pairs import NEUTRAL
from stser_core.training.sound_cache import SoundCache

MOST_TURNS = 25
P_NEUTRAL = 0.85
"""Past turns of which a baseline is drawn: at most so many, so probably neutral ones."""


class Speech(NamedTuple):
    """An example's speech.

    Attributes:
        frames: float32 [n, size].
        baseline: float32 [size], of its speaker; `None` without a front end.
    """

    frames: Tensor
    baseline: Tensor | None


class SpeechSource(Protocol):
    """Gives clips' speech."""

    def length(self, clip: Clip) -> int:
        """A length by which batches are sorted; 0 for a clip without a recording."""
        ...

    def draw(self, clip: Clip, rng: Generator, augmentation: Augmentation | None) -> Speech:
        """Draw a clip's speech, augmented for training."""
        ...


class CachedFrames:
    """Frames of a front end, over a drawn line, with a drawn baseline of the clip's speaker.

    Attributes:
        neutral_mean: float32 [size], over all versions of the neutral training clips; acted and routine ones count
            alike.
        frame_scale: float32 [size], standard deviation of their frames.
    """

    def __init__(self, clips: Sequence[Clip], cache: FrameCache, config: CheckpointConfig) -> None:
        """Prepare."""
        self._cache = cache
        self._rate = SAMPLE_RATE / config.frame_samples
        self._pseudo_turns = config.speaker_baseline.pseudo_turns if config.speaker_baseline else 0.0
        with_sound = [clip for clip in clips if clip.path is not None]
        self._means = cache.means(with_sound)  # [versions + 1, clips, size]
        self._everything: dict[str, list[int]] = defaultdict(list)
        self._neutral: dict[str, list[int]] = defaultdict(list)
        self._rows = {clip.id: row for row, clip in enumerate(with_sound)}
        for row, clip in enumerate(with_sound):
            self._everything[clip.speaker].append(row)
            if clip.label == NEUTRAL:
                self._neutral[clip.speaker].append(row)
        self.neutral_mean = np.zeros(cache.size, dtype=np.float32)
        self.frame_scale = np.ones(cache.size, dtype=np.float32)

    def measure(self, train: Sequence[Clip]) -> None:
        """Estimate `neutral_mean` and `frame_scale` from the training clips."""
        neutral = [
            [self._rows[clip.id] for clip in train if clip.label == NEUTRAL and clip.weak == weak and clip.path]
            for weak in (False, True)
        ]
        chosen = [rows for rows in neutral if rows] or [[self._rows[clip.id] for clip in train if clip.path]]
        self.neutral_mean = np.mean([self._means[:, rows].mean(axis=(0, 1)) for rows in chosen], axis=0)
        with_sound = [clip for clip in train if clip.path is not None]
        some = with_sound[:: max(1, len(with_sound) // 400)]
        self.frame_scale = np.concatenate([self._cache.frames(clip).astype(np.float32) for clip in some]).std(0) + 1e-3

    def length(self, clip: Clip) -> int:
        """See `SpeechSource.length`."""
        return self._cache.length(clip)

    def draw(self, clip: Clip, rng: Generator, augmentation: Augmentation | None) -> Speech:
        """See `SpeechSource.draw`; without augmentation, versions and baselines are drawn all the same."""
        version = 0
        if self._cache.versions and rng.random() < (0.5 if augmentation is None else augmentation.lines):
            version = int(rng.integers(1, self._cache.versions + 1))
        frames = self._cache.frames(clip, version).astype(np.float32)
        if augmentation is not None and rng.random() < augmentation.crop:
            frames = cropped(frames, augmentation.crop_s, self._rate, rng)
        if augmentation is not None and augmentation.frame_noise:
            deviation = augmentation.frame_noise * rng.random() * self.frame_scale
            frames = frames + deviation * rng.standard_normal(self._cache.size, dtype=np.float32)
        drawn = torch.from_numpy(np.ascontiguousarray(frames, dtype=np.float32))
        if augmentation is not None and rng.random() < augmentation.masks:
            drawn = mask_frames(drawn, rng, bands=False)
        return Speech(drawn, torch.from_numpy(self._baseline(clip, version, rng)))

    def _baseline(self, clip: Clip, version: int, rng: Generator) -> NDArray[np.float32]:
        """The baseline after 0 to 25 past turns of the same speaker over the same line, mostly neutral ones."""
        turns = int(rng.integers(0, MOST_TURNS + 1))
        everything, neutral = self._everything[clip.speaker], self._neutral[clip.speaker]
        rows = [
            pool[int(rng.integers(len(pool)))]
            for pool in (neutral if neutral and rng.random() < P_NEUTRAL else everything for _ in range(turns))
        ]
        total = self._means[version, rows].sum(0)
        drawn: NDArray[np.float32] = baseline(self.neutral_mean, total, float(turns), self._pseudo_turns)
        return drawn.astype(np.float32, copy=False)


class LogMelFrames:
    """Log-mel spectrograms, of sound that is augmented on the fly."""

    def __init__(self, sounds: SoundCache, config: CheckpointConfig) -> None:
        """Prepare."""
        self._sounds = sounds
        self._logmel = LogMel(config.features)  # of its own: the model's moves to the GPU

    def length(self, clip: Clip) -> int:
        """See `SpeechSource.length`."""
        return self._sounds.length(clip)

    @torch.no_grad()
    def draw(self, clip: Clip, rng: Generator, augmentation: Augmentation | None) -> Speech:
        """See `SpeechSource.draw`."""
        sound = self._sounds.samples(clip)
        if augmentation is not None:
            sound = change_sound(sound, augmentation, rng)
        mel, _ = self._logmel(*pad([sound]))
        frames = mel[0].T.contiguous()  # [frames, bands]
        if augmentation is not None and rng.random() < augmentation.masks:
            frames = mask_frames(frames, rng, bands=True)
        return Speech(frames, None)
