"""From a vector for each utterance to a speaker for each: agglomerative clustering by cosine, average linkage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LONG_FRAMES = 100


class Voice(NamedTuple):
    """How an utterance sounds: float32 [n], and the frames of 10 ms with speech that it is drawn from."""

    vector: NDArray[np.float32]
    frames: int


def speakers(voices: Sequence[Voice | None], count: int) -> list[int]:
    """Give each utterance its speaker.

    Short utterances have uncertain vectors, so only the long ones make the clusters (all, where there are too few),
    and each short one goes to the cluster that it is most like.

    Args:
        voices: One for each utterance in the order of their times; `None` where there was too little speech for one.
        count: How many speakers there are.

    Returns:
        Numbers from 0, in the order in which the speakers first appear. An utterance without a voice gets the
        speaker before it.
    """
    known = [index for index, voice in enumerate(voices) if voice is not None]
    if not known:
        return [0] * len(voices)
    vectors = np.stack([voice.vector for voice in voices if voice is not None])
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    frames = np.array([voice.frames for voice in voices if voice is not None])
    long = np.flatnonzero(frames >= _LONG_FRAMES)
    if len(long) < count:
        long = np.arange(len(known))
    groups = _merged(vectors[long], count)
    centres = np.stack([vectors[long[group]].mean(axis=0) for group in groups])
    nearest = (vectors @ centres.T).argmax(axis=1)
    for number, group in enumerate(groups):
        nearest[long[group]] = number
    return _in_order(voices, dict(zip(known, nearest.tolist(), strict=True)))


def _merged(vectors: NDArray[np.float32], count: int) -> list[list[int]]:
    """Merge the two most alike groups until so many are left."""
    groups = [[index] for index in range(len(vectors))]
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -np.inf)
    while len(groups) > count:
        first, second = sorted(np.unravel_index(int(likeness.argmax()), likeness.shape))
        ours, theirs = len(groups[first]), len(groups[second])
        # The mean over all pairs of two groups follows from the means of their parts (Lance and Williams, 1967).
        row = (ours * likeness[first] + theirs * likeness[second]) / (ours + theirs)
        likeness[first], likeness[:, first] = row, row
        likeness[first, first] = -np.inf
        likeness = np.delete(np.delete(likeness, second, axis=0), second, axis=1)
        groups[first] += groups.pop(second)
    return groups


def _in_order(voices: Sequence[Voice | None], found: dict[int, int]) -> list[int]:
    numbers: dict[int, int] = {}
    result: list[int] = []
    for index in range(len(voices)):
        if index in found:
            result.append(numbers.setdefault(found[index], len(numbers)))
        else:
            result.append(result[-1] if result else 0)
    return result
