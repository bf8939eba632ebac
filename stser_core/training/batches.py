"""Batches of similar length, drawn by weight: what an epoch consists of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch.utils.data import Sampler

from stser_core.training.examples import Draw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stser_core.training.clip import Clip

_POOL = 24


class LengthBatches(Sampler[list[Draw]]):
    """An epoch's batches.

    Clips are drawn by weight, as evenly as whole clips allow (equal weights: each once), shuffled, and sorted by
    length within pools of two dozen batches, so that little of a batch is padding and yet no two epochs are alike.

    Attributes:
        batch_size: Clips in each batch, over all processes.
        drop_last: What is left over at an epoch's end waits for another epoch.
    """

    def __init__(self, lengths: Sequence[int], weights: Sequence[float], batch_size: int, seed: int) -> None:
        """Prepare.

        Args:
            lengths: Of each clip.
            weights: How often each is drawn in an epoch, 1 on average.
            batch_size: At most the number of clips is used.
            seed: Fixes the order.
        """
        self.batch_size = min(batch_size, len(lengths))
        self.drop_last = True
        self._lengths = np.asarray(lengths)
        self._weights = np.asarray(weights, dtype=np.float64)
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose batches come next."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths) // self.batch_size

    def __iter__(self) -> Iterator[list[Draw]]:
        dice = np.random.default_rng((self._seed, self._epoch))
        drawn = _systematic(self._weights, dice)
        dice.shuffle(drawn)
        drawn = drawn[: len(self) * self.batch_size]  # before they are sorted: any may be left over, not the longest
        batches: list[NDArray[np.int64]] = []
        for start in range(0, len(drawn), _POOL * self.batch_size):
            pool = drawn[start : start + _POOL * self.batch_size]
            pool = pool[np.argsort(self._lengths[pool], kind="stable")]
            batches += np.split(pool, len(pool) // self.batch_size)
        for position in dice.permutation(len(batches)):
            yield [Draw(int(clip), self._epoch) for clip in batches[position]]


def draw_weights(clips: Sequence[Clip], *, balance_labels: bool, balance_corpora: float) -> NDArray[np.float64]:
    """How often each clip is drawn in an epoch, 1 on average.

    Args:
        clips: The training clips.
        balance_labels: Each label as often as any other, within each corpus.
        balance_corpora: Corpora in proportion to their size to this power.
    """
    corpora = Counter(clip.corpus for clip in clips)
    labels = Counter((clip.corpus, clip.label) for clip in clips)
    kinds = Counter(corpus for corpus, _ in labels)
    weights = np.ones(len(clips), dtype=np.float64)
    for position, clip in enumerate(clips):
        weights[position] *= corpora[clip.corpus] ** (balance_corpora - 1)
        if balance_labels:
            weights[position] *= corpora[clip.corpus] / (kinds[clip.corpus] * labels[clip.corpus, clip.label])
    weights /= weights.mean()
    return weights


def _systematic(weights: NDArray[np.float64], dice: np.random.Generator) -> NDArray[np.int64]:
    """Draw as many positions as there are weights, each about `weight` times (systematic sampling)."""
    order = dice.permutation(len(weights))
    steps = np.cumsum(weights[order])
    marks = (np.arange(len(weights)) + dice.random()) * (steps[-1] / len(weights))
    drawn: NDArray[np.int64] = order[np.minimum(np.searchsorted(steps, marks, side="right"), len(weights) - 1)]
    return drawn
