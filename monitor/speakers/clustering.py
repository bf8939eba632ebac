"""Agglomerative clustering of speaker embeddings: cosine similarity, average linkage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from monitor.speakers.embeddings import SpeakerEmbedding

_LONG_FRAMES = 100


def cluster(embeddings: Sequence[SpeakerEmbedding | None], count: int) -> list[int]:
    """Give each utterance its speaker.

    Short utterances have uncertain vectors, so only the long ones make the clusters (all, where there are too few),
    and each short one goes to the most similar cluster.

    Args:
        embeddings: One for each utterance in the order of their times; `None` where there was too little speech.
        count: How many speakers there are.

    Returns:
        Numbers from 0, in the order in which the speakers first appear. An utterance without an embedding gets the
        speaker before it.
    """
    known = [index for index, one in enumerate(embeddings) if one is not None]
    if not known:
        return [0] * len(embeddings)
    vectors = np.stack([one.vector for one in embeddings if one is not None])
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    frames = np.array([one.frames for one in embeddings if one is not None])
    long = np.flatnonzero(frames >= _LONG_FRAMES)
    if len(long) < count:
        long = np.arange(len(known))
    groups = _merged(vectors[long], count)
    centres = np.stack([vectors[long[group]].mean(axis=0) for group in groups])
    nearest = (vectors @ centres.T).argmax(axis=1)
    for number, group in enumerate(groups):
        nearest[long[group]] = number
    return _in_order(embeddings, dict(zip(known, nearest.tolist(), strict=True)))


def _merged(vectors: NDArray[np.float32], count: int) -> list[list[int]]:
    """Merge the two most similar groups until so many are left."""
    groups = [[index] for index in range(len(vectors))]
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    while len(groups) > count:
        first, second = sorted(np.unravel_index(int(similarity.argmax()), similarity.shape))
        ours, theirs = len(groups[first]), len(groups[second])
        # The mean over all pairs of two groups follows from the means of their parts (Lance and Williams, 1967).
        row = (ours * similarity[first] + theirs * similarity[second]) / (ours + theirs)
        similarity[first], similarity[:, first] = row, row
        similarity[first, first] = -np.inf
        similarity = np.delete(np.delete(similarity, second, axis=0), second, axis=1)
        groups[first] += groups.pop(second)
    return groups


def _in_order(embeddings: Sequence[SpeakerEmbedding | None], found: dict[int, int]) -> list[int]:
    numbers: dict[int, int] = {}
    result: list[int] = []
    for index in range(len(embeddings)):
        if index in found:
            result.append(numbers.setdefault(found[index], len(numbers)))
        else:
            result.append(result[-1] if result else 0)
    return result
