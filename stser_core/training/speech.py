"""The speech of training examples: cached frames over a drawn line, with a drawn baseline of their speaker."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from stser_core.config import SAMPLE_RATE
from stser_core.model import Stser
from stser_core.speaker_baseline import SpeakerBaseline
from stser_core.training.augmentation import Augmentation
from stser_core.training.caches import WIDE, FrameCache
from stser_core.training.clip import Clip
from stser_core.training.pairs import NEUTRAL

MOST_TURNS = 25
P_NEUTRAL = 0.85
"""Past turns of which a baseline is drawn: at most so many, so probably neutral ones."""


class Speech(NamedTuple):
    """An example's speech."""

    frames: Tensor  # float32 [n, size]
    baseline: Tensor | None  # float32 [size], of its speaker; None where the model has no speaker baseline


class SpeechSource:
    """Draws the speech of clips for a model in training, whose `neutral_mean` and `frame_scale` it has as arrays."""

    def __init__(self, clips: Sequence[Clip], cache: FrameCache, model: Stser, lines: int = 0) -> None:
        """Encode the clips with recordings, also over so many random telephone lines, unless that was done before."""
        self._cache, self._model = cache, model
        self._versions = [WIDE, *(f"line{number}" for number in range(1, lines + 1))]
        self._rate = SAMPLE_RATE / model.config.frame_samples
        self._settings = model.config.speaker_baseline
        with_sound = [clip for clip in clips if clip.path is not None]
        cache.prepare(with_sound, self._versions)
        self._lengths = {clip.id: cache.length(clip) for clip in with_sound}
        self._rows = {clip.id: row for row, clip in enumerate(with_sound)}
        self._everything, self._neutral = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
        for row, clip in enumerate(with_sound):
            self._everything[clip.speaker].append(row)
            if clip.label == NEUTRAL:
                self._neutral[clip.speaker].append(row)
        self._means = self._deviations = np.zeros((len(self._versions), len(with_sound), 0), dtype=np.float32)
        self.neutral_mean = np.zeros(cache.size, dtype=np.float32)
        self.frame_scale = np.ones(cache.size, dtype=np.float32)
        if model.front_end is not None:
            self._means, self._deviations = cache.statistics(with_sound, self._versions)  # [versions, clips, size]
            self.neutral_mean, self.frame_scale = model.neutral_mean.cpu().numpy(), model.frame_scale.cpu().numpy()

    def measure(self, train: Sequence[Clip]) -> None:
        """Set what a model with a front end normalises by, from all versions of the training clips.

        Of the neutral ones, acted and routine clips count alike. The input statistics of clips are standardised; the
        centre of their means is zero, where neutral speech is.
        """
        with_sound = [clip for clip in train if clip.path is not None]
        neutral = [
            [self._rows[clip.id] for clip in with_sound if clip.label == NEUTRAL and clip.weak == weak]
            for weak in (False, True)
        ]
        rows = [self._rows[clip.id] for clip in with_sound]
        chosen = [some for some in neutral if some] or [rows]
        self.neutral_mean = np.mean([self._means[:, some].mean(axis=(0, 1)) for some in chosen], axis=0)
        some = with_sound[:: max(1, len(with_sound) // 400)]
        self.frame_scale = np.concatenate([self._cache.frames(clip).astype(np.float32) for clip in some]).std(0) + 1e-3
        self._model.neutral_mean.copy_(torch.from_numpy(self.neutral_mean))
        self._model.frame_scale.copy_(torch.from_numpy(self.frame_scale))
        if self._model.smodel is not None and (standardise := self._model.smodel.standardise) is not None:
            means, deviations = (one[:, rows] / self.frame_scale for one in (self._means, self._deviations))
            centre = np.concatenate([np.zeros(self._cache.size), deviations.mean((0, 1))]).astype(np.float32)
            spread = np.concatenate([means.std((0, 1)), deviations.std((0, 1))]).astype(np.float32) + 1e-3
            standardise.centre.copy_(torch.from_numpy(centre))
            standardise.scale.copy_(torch.from_numpy(spread))

    def length(self, clip: Clip) -> int:
        """Number of a clip's frames, by which batches are sorted; 0 for a clip without a recording."""
        return self._lengths.get(clip.id, 0)

    def draw(self, clip: Clip, rng: Generator, augmentation: Augmentation | None) -> Speech:
        """Draw the speech of a clip with a recording; lines and baselines also without augmentation."""
        version = 0
        if len(self._versions) > 1 and rng.random() < (0.5 if augmentation is None else augmentation.lines):
            version = int(rng.integers(1, len(self._versions)))
        frames = self._cache.frames(clip, self._versions[version]).astype(np.float32)
        if augmentation is not None and rng.random() < augmentation.crop:
            wanted = max(1, round(rng.uniform(*augmentation.crop_s) * self._rate))  # what is shorter stays whole
            start = int(rng.integers(0, max(1, len(frames) - wanted + 1)))
            frames = frames[start : start + wanted]
        if augmentation is not None and augmentation.frame_noise:
            deviation = augmentation.frame_noise * rng.random() * self.frame_scale
            frames = frames + deviation * rng.standard_normal(self._cache.size, dtype=np.float32)
        drawn = torch.from_numpy(np.ascontiguousarray(frames, dtype=np.float32))
        if self._settings is None:
            return Speech(drawn, None)
        everything, neutral = self._everything[clip.speaker], self._neutral[clip.speaker]
        speaker = SpeakerBaseline()
        for _ in range(int(rng.integers(0, MOST_TURNS + 1))):  # past turns over the same line, mostly neutral ones
            pool = neutral if neutral and rng.random() < P_NEUTRAL else everything
            speaker.update(self._means[version, pool[int(rng.integers(len(pool)))]], 1.0, MOST_TURNS)
        return Speech(drawn, torch.from_numpy(speaker.mean(self.neutral_mean, self._settings.pseudo_turns)))
