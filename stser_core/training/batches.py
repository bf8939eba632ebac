"""Training and validation batches: clips drawn by weight, augmented, paired with texts, padded.

Everything that is drawn for an example follows from the run's seed, the epoch and the clip's position alone.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from stser_core.emotions import LABELS, index
from stser_core.features import pad_frames
from stser_core.tokenizer import Tokenizer
from stser_core.training.augmentation import Augmentation, change_words
from stser_core.training.clip import Clip
from stser_core.training.pairs import Example, Pairing, as_recorded
from stser_core.training.speech_sources import LogMelFrames, Speech, SpeechSource

VALIDATION = -1
"""Stands for the epoch of examples that are drawn once and for all."""

COLUMNS = ("speech", "text", "both")
"""What classifiers read: targets and weights have a column for each."""

_POOL = 24
_ROUNDED = 32
"""Without a front end, frames of a batch are a multiple of this: for every other shape the CPU's kernels keep memory of
their own (4 GB after some hundred shapes)."""


class Draw(NamedTuple):
    """A clip's position and the epoch in which it is drawn."""

    position: int
    epoch: int


@dataclass(frozen=True, eq=False)
class Prepared:
    """An example before it is padded."""

    example: Example
    speech: Speech | None


class Examples:
    """Clips as examples.

    Attributes:
        clips: In this order.
        source: Of their speech.
        paired: Whether texts are drawn for them.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        source: SpeechSource | None,
        *,
        pairing: Pairing | None = None,
        own_words: bool = True,
        augmentation: Augmentation | None = None,
        words: Sequence[str] = (),
        seed: int = 0,
    ) -> None:
        """Prepare the clips.

        `source`: Has the speech of each; `None` where no classifier reads speech. `pairing`: Pairs clips with texts;
        `None` leaves each as it was recorded. `augmentation`: `None` for none, in validation.
        """
        self.clips = tuple(clips)
        self.source = source
        self.paired = pairing is not None
        self._pairing = pairing
        self._own_words = own_words
        self._augmentation = augmentation
        self._words = words
        self._seed = seed

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, draw: Draw) -> Prepared:
        rng = np.random.default_rng((self._seed, draw.epoch + 1, draw.position))
        clip = self.clips[draw.position]
        keeps = self._pairing is None or (clip.text and self._own_words)
        example = as_recorded(clip) if keeps or self._pairing is None else self._pairing.pair(clip, rng)
        if self._augmentation is not None and example.text is not None:
            example = replace(example, text=change_words(example.text, self._augmentation, self._words, rng))
        heard = self.source is not None and clip.path is not None
        speech = self.source.draw(clip, rng, self._augmentation) if heard and self.source else None
        return Prepared(example, speech)

    def length(self, position: int) -> int:
        """A length by which batches are sorted."""
        clip = self.clips[position]
        return (self.source.length(clip) if self.source else 0) or len(clip.text or "")


class Collator:
    """Pads examples into the arguments of `Learner.forward`."""

    def __init__(self, tokenizer: Tokenizer | None, *, hard: bool = False) -> None:
        """Prepare.

        `tokenizer`: `None` where no classifier reads text.
        """
        self._tokenizer = tokenizer
        self._hard = hard

    def __call__(self, prepared: Sequence[Prepared]) -> dict[str, Tensor]:
        """Make a batch.

        Returns:
            `targets` float32 [batch, columns, labels] and `weights` float32 [batch, columns], 0 where there is nothing
            to learn, of `COLUMNS`; `frames` float32 [batch, n, size], `counts` int64 [batch] and with a front end
            `baselines` float32 [batch, size], where there is speech; `pieces` and `mask` int64 [batch, n].
        """
        targets = torch.zeros(len(prepared), len(COLUMNS), len(LABELS))
        weights = torch.zeros(len(prepared), len(COLUMNS))
        for row, one in enumerate(prepared):
            for column, label in enumerate(one.example.labels):
                if label is not None:
                    targets[row, column] = self._target(one.example, label)
                    weights[row, column] = 1.0
        batch = {"targets": targets, "weights": weights}
        speech = [one.speech for one in prepared if one.speech is not None]
        if speech:
            frames, counts = pad_frames([one.frames for one in speech])
            baselines = [one.baseline for one in speech if one.baseline is not None]
            if baselines:
                batch["baselines"] = torch.stack(baselines)
            else:
                frames = torch.nn.functional.pad(frames, (0, 0, 0, -frames.shape[1] % _ROUNDED))
            batch |= {"frames": frames, "counts": counts}
        if self._tokenizer is not None:
            encoded = self._tokenizer([one.example.text or "" for one in prepared])
            batch |= {"pieces": encoded.pieces, "mask": encoded.mask}
        return batch

    def _target(self, example: Example, label: str) -> Tensor:
        if example.kind is None and not self._hard:
            return torch.tensor(example.clip.target)
        target = torch.zeros(len(LABELS))
        target[index(label)] = 1.0
        return target


class TrainingBatches:
    """Batches of similar length, of clips drawn by weight; see `length_batches`."""

    def __init__(
        self, examples: Examples, collator: Collator, weights: Sequence[float], batch_size: int, seed: int
    ) -> None:
        """Prepare."""
        self.batch_size = max(1, min(batch_size, round(sum(weights))))
        self._examples, self._collator, self._seed = examples, collator, seed
        self._weights = np.asarray(weights, dtype=np.float64)
        self._lengths = np.array([examples.length(position) for position in range(len(examples))])

    def __len__(self) -> int:
        return max(1, round(float(self._weights.sum()))) // self.batch_size

    def epoch(self, number: int) -> Iterator[Mapping[str, Tensor]]:
        """The batches of an epoch; spectrograms are made by other processes where there are cores for them."""
        heavy = isinstance(self._examples.source, LogMelFrames)
        workers = min(4, (os.cpu_count() or 1) - 1) if heavy and not torch.cuda.is_available() else 0
        fork = "fork" if workers and hasattr(os, "fork") else None
        yield from DataLoader(
            self._examples,  # type: ignore[arg-type]
            batch_sampler=self.draws(number),
            collate_fn=self._collator,
            num_workers=workers,
            multiprocessing_context=fork,
        )

    def draws(self, number: int) -> list[list[Draw]]:
        """What is drawn in an epoch, batch by batch."""
        rng = np.random.default_rng((self._seed, number))
        batches = length_batches(self._lengths, self._weights, self.batch_size, rng)
        return [[Draw(int(position), number) for position in batch] for batch in batches]


def length_batches(
    lengths: NDArray[np.int64], weights: NDArray[np.float64], size: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Draw an epoch's batches.

    Positions are drawn as evenly as possible (equal weights: each once), shuffled, and sorted by length within pools
    of two dozen batches, so that little of a batch is padding and yet no two epochs are alike.

    `lengths`: int64 [n], of each position. `weights`: float64 [n], how often each is drawn, 1 on average.
    """
    drawn = _systematic(weights, rng)
    rng.shuffle(drawn)
    drawn = drawn[: len(drawn) // size * size]  # before they are sorted: any may be left over, not the longest
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(drawn), _POOL * size):
        pool = drawn[start : start + _POOL * size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += np.split(pool, len(pool) // size)
    return [batches[place] for place in rng.permutation(len(batches))]


def validation_batches(examples: Examples, collator: Collator, size: int = 32) -> Iterator[Mapping[str, Tensor]]:
    """All examples once, each as it is drawn for validation, sorted by length."""
    order = sorted(range(len(examples)), key=examples.length)
    for start in range(0, len(order), size):
        yield collator([examples[Draw(position, VALIDATION)] for position in order[start : start + size]])


def draw_weights(
    clips: Sequence[Clip], *, balance_labels: bool, balance_corpora: float, weak: Mapping[bool, float] | None = None
) -> NDArray[np.float64]:
    """How often each clip is drawn in an epoch: 1 on average, without the weak clips.

    `weak`: the proportion of weak clips in all draws, of those with sound (`True`) and of texts (`False`).
    """
    corpora = Counter(clip.corpus for clip in clips)
    labels = Counter((clip.corpus, clip.label) for clip in clips)
    kinds = Counter(corpus for corpus, _ in labels)
    weights = np.ones(len(clips), dtype=np.float64)
    for position, clip in enumerate(clips):
        weights[position] *= corpora[clip.corpus] ** (balance_corpora - 1)
        if balance_labels:
            weights[position] *= corpora[clip.corpus] / (kinds[clip.corpus] * labels[clip.corpus, clip.label])
    strong = np.array([not clip.weak for clip in clips])
    if not strong.any():
        weights /= weights.mean()
        return weights
    weights[strong] /= weights[strong].mean()
    rows = {
        sound: [n for n, clip in enumerate(clips) if clip.weak and (clip.path is not None) == sound]
        for sound in (True, False)
    }
    proportions = {sound: (weak or {}).get(sound, 0.0) for sound in rows if rows[sound]}
    draws = strong.sum() / (1 - sum(proportions.values()))
    for sound, proportion in proportions.items():
        weights[rows[sound]] *= proportion * draws / weights[rows[sound]].sum()
    return weights


def _systematic(weights: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw each position about `weight` times, all together as many as the weights sum to (systematic sampling)."""
    order = rng.permutation(len(weights))
    steps = np.cumsum(weights[order])
    count = max(1, round(steps[-1]))
    marks = (np.arange(count) + rng.random()) * (steps[-1] / count)
    drawn: NDArray[np.int64] = order[np.minimum(np.searchsorted(steps, marks, side="right"), len(weights) - 1)]
    return drawn
