"""Training and validation examples, and their batches: clips drawn by weight, augmented, paired with texts, padded.

Their speech is cached frames over a drawn line, with a drawn baseline of their speaker. Everything that is drawn for an
example follows from the run's seed, the epoch and the clip's position alone.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from stser_core.config import SAMPLE_RATE
from stser_core.emotions import LABELS
from stser_core.frontend import pad_frames
from stser_core.model import Stser
from stser_core.speaker_baseline import SpeakerBaseline
from stser_core.tokenizer import Tokenizer
from stser_core.training.augmentation import Augmentation, change_words
from stser_core.training.caches import WIDE, FrameCache
from stser_core.training.clip import Clip
from stser_core.training.pairs import NEUTRAL, Example, Pairing, as_recorded

VALIDATION = -1
"""Stands for the epoch of examples that are drawn once and for all."""

_POOL = 24
_VALIDATED = 32
_ROUNDED = 32
"""Frames of a batch are a multiple of this without a speaker baseline, as log-mel is: for every other shape the kernels
of convolutions keep memory of their own (4 GB after some hundred shapes)."""
_MOST_TURNS, _P_NEUTRAL = 25, 0.85
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
        for _ in range(int(rng.integers(0, _MOST_TURNS + 1))):  # past turns over the same line, mostly neutral ones
            pool = neutral if neutral and rng.random() < _P_NEUTRAL else everything
            speaker.update(self._means[version, pool[int(rng.integers(len(pool)))]], 1.0, _MOST_TURNS)
        return Speech(drawn, torch.from_numpy(speaker.mean(self.neutral_mean, self._settings.pseudo_turns)))


@dataclass(frozen=True, eq=False)
class Examples:
    """Clips as examples; each has the input of at least one classifier."""

    clips: Sequence[Clip]
    source: SpeechSource | None  # of their speech; None where no classifier reads speech
    tokenizer: Tokenizer | None  # None where no classifier reads text
    pairing: Pairing | None = None  # pairs clips with texts; None leaves each as it was recorded
    own_words: bool = True  # whether clips that have words of their own keep them
    augmentation: Augmentation | None = None  # None in validation
    words: Sequence[str] = ()  # replace words of a text (`Augmentation.swapped_words`)
    seed: int = 0

    def length(self, position: int) -> int:
        """A length by which batches are sorted."""
        clip = self.clips[position]
        return (self.source.length(clip) if self.source else 0) or len(clip.text or "")

    def draw(self, position: int, epoch: int) -> tuple[Example, Speech | None]:
        """Draw an example in an epoch."""
        rng = np.random.default_rng((self.seed, epoch + 1, position))
        clip = self.clips[position]
        if self.pairing is None or (clip.text and self.own_words):
            example = as_recorded(clip)
        else:
            example = self.pairing.pair(clip, rng)
        if self.augmentation is not None and example.text is not None:
            example = replace(example, text=change_words(example.text, self.augmentation, self.words, rng))
        if self.source is None or clip.path is None:
            return example, None
        return example, self.source.draw(clip, rng, self.augmentation)

    def batch(self, positions: Sequence[int], epoch: int) -> dict[str, Tensor]:
        """The arguments of `Learner.forward`.

        `targets` float32 [batch, 3, labels] and `weights` float32 [batch, 3], 0 where there is nothing to learn, for
        classifiers of speech, of text and of both (`pairs.Labels`); `frames` float32 [batch, n, size], `counts` int64
        [batch] and `baselines` float32 [batch, size], where there is speech; `pieces` and `mask` int64 [batch, n].
        """
        drawn = [self.draw(position, epoch) for position in positions]
        targets, weights = torch.zeros(len(drawn), 3, len(LABELS)), torch.zeros(len(drawn), 3)
        for row, (example, _) in enumerate(drawn):
            for column, label in enumerate(example.labels):
                if label is None:
                    continue
                weights[row, column] = 1.0
                if example.kind is None and epoch != VALIDATION:  # as annotators chose, where that is known
                    targets[row, column] = torch.tensor(example.clip.target)
                else:
                    targets[row, column, LABELS.index(label)] = 1.0
        batch = {"targets": targets, "weights": weights}
        speech = [one for _, one in drawn if one is not None]
        if speech:
            frames, counts = pad_frames([one.frames for one in speech])
            baselines = [one.baseline for one in speech if one.baseline is not None]
            if baselines:
                batch["baselines"] = torch.stack(baselines)
            else:
                frames = torch.nn.functional.pad(frames, (0, 0, 0, -frames.shape[1] % _ROUNDED))
            batch |= {"frames": frames, "counts": counts}
        if self.tokenizer is not None:
            encoded = self.tokenizer([example.text or "" for example, _ in drawn])
            batch |= {"pieces": torch.from_numpy(encoded.pieces), "mask": torch.from_numpy(encoded.mask)}
        return batch


@dataclass(eq=False)
class TrainingBatches:
    """Batches of similar length, of examples drawn by weight; see `length_batches`."""

    batch: Callable[[list[int], int], Mapping[str, Tensor]]  # makes one of the examples at positions in an epoch
    lengths: Sequence[int]  # of each example
    weights: NDArray[np.float64]  # [examples], how often each is drawn in an epoch, 1 on average
    size: int  # examples in a batch; fewer where there are fewer
    seed: int

    def __post_init__(self) -> None:
        self.drawn = max(1, round(float(self.weights.sum())))  # examples in an epoch
        self.size = min(self.size, self.drawn)

    def __len__(self) -> int:
        return self.drawn // self.size

    def epoch(self, number: int) -> Iterator[Mapping[str, Tensor]]:
        """The batches of an epoch, as `Examples.batch` makes them."""
        rng = np.random.default_rng((self.seed, number))
        for positions in length_batches(np.array(self.lengths), self.weights, self.size, rng):
            yield self.batch(positions.tolist(), number)


def validation_batches(examples: Examples) -> Iterator[Mapping[str, Tensor]]:
    """All examples once, each as it is drawn for validation, sorted by length."""
    order = sorted(range(len(examples.clips)), key=examples.length)
    for start in range(0, len(order), _VALIDATED):
        yield examples.batch(order[start : start + _VALIDATED], VALIDATION)


def length_batches(
    lengths: NDArray[np.int64], weights: NDArray[np.float64], size: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Draw an epoch's batches: positions int64 [size] of each.

    Positions are drawn about `weight` times each (float64 [n]), all together as many as the weights sum to (systematic
    sampling), shuffled, and sorted by length within pools of two dozen batches, so that little of a batch is padding
    and yet no two epochs are alike.
    """
    order = rng.permutation(len(weights))
    steps = np.cumsum(weights[order])
    count = max(1, round(steps[-1]))
    marks = (np.arange(count) + rng.random()) * (steps[-1] / count)
    drawn = order[np.minimum(np.searchsorted(steps, marks, side="right"), len(weights) - 1)]
    rng.shuffle(drawn)
    drawn = drawn[: len(drawn) // size * size]  # before they are sorted: any may be left over, not the longest
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(drawn), _POOL * size):
        pool = drawn[start : start + _POOL * size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += np.split(pool, len(pool) // size)
    return [batches[place] for place in rng.permutation(len(batches))]


def draw_weights(
    clips: Sequence[Clip], balance_labels: bool, balance_corpora: float, weak: tuple[float, float] = (0.0, 0.0)
) -> NDArray[np.float64]:
    """Expected number of draws of each clip in an epoch: float64 [clips], 1 on average without the weak clips.

    Labels of a corpus are drawn alike, if so asked, corpora in proportion to their size to a power. `weak` has the
    proportions of weak clips in all draws: of those with sound, and of texts.
    """
    corpora = Counter(clip.corpus for clip in clips)
    labels = Counter((clip.corpus, clip.label) for clip in clips)
    kinds = Counter(corpus for corpus, _ in labels)
    weights = np.array([corpora[clip.corpus] ** (balance_corpora - 1) for clip in clips])
    if balance_labels:
        weights *= [corpora[clip.corpus] / (kinds[clip.corpus] * labels[clip.corpus, clip.label]) for clip in clips]
    strong = np.array([not clip.weak for clip in clips])
    weights[strong] /= weights[strong].mean()
    with_sound = np.array([clip.path is not None for clip in clips])
    weak_rows = (~strong & with_sound, ~strong & ~with_sound)
    parts = [(rows, proportion) for rows, proportion in zip(weak_rows, weak, strict=True) if rows.any()]
    draws = strong.sum() / (1 - sum(proportion for _, proportion in parts))
    for rows, proportion in parts:
        weights[rows] *= proportion * draws / weights[rows].sum()
    return weights
