"""Diarizes a whole recording of one channel before its first row is written.

Each utterance could be given to the nearest speaker so far, but the first ones would then be guesses that nobody
corrects, since a row that is written stays. A recording is all there: it is diarized first and replayed after that. The
utterances' embeddings are clustered agglomeratively: cosine similarity, average linkage.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from monitor.flow import SpeechEnded, Utterance
from monitor.segmenter.segmenter import Segmenter
from monitor.segmenter.settings import SegmenterSettings
from monitor.sources import Source
from monitor.sources.recording import mono

if TYPE_CHECKING:
    from monitor.speakers.embeddings import SpeakerEmbedding, VoskEmbeddings


_LONG_FRAMES = 100


class Halted(Exception):  # noqa: N818
    """Work on a recording was abandoned because the user stops it."""


def diarize(
    source: Source, count: int, extractor: VoskEmbeddings, settings: SegmenterSettings, *, halted: Callable[[], bool]
) -> Callable[[Utterance], str]:
    """Find which of `count` speakers speaks in each utterance of a recording, whose channels are mixed.

    The settings cut it into utterances as the pipeline does; `halted` is asked again and again whether to stop.

    Returns:
        Names the speaker of an utterance, as the pipeline cuts it from the same recording: `speaker1`, `speaker2`, …,
        in the order in which they first speak.

    Raises:
        Halted: It is to stop.
    """

    def embed(utterance: Utterance) -> SpeakerEmbedding | None:
        if halted():
            raise Halted
        return extractor.embed(utterance.samples)

    segmenter = Segmenter(1, settings)
    events = [event for block in mono(source.blocks()) for event in segmenter.feed(block)] + segmenter.flush()
    utterances = [event.utterance for event in events if isinstance(event, SpeechEnded)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        embeddings = list(threads.map(embed, utterances))
    speakers = {
        utterance.start_s: f"speaker{number + 1}"
        for utterance, number in zip(utterances, cluster(embeddings, count), strict=True)
    }
    return lambda utterance: speakers[utterance.start_s]


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
    found = dict(zip(known, nearest.tolist(), strict=True))
    numbers: dict[int, int] = {}
    result: list[int] = []
    for index in range(len(embeddings)):
        if index in found:
            result.append(numbers.setdefault(found[index], len(numbers)))
        else:
            result.append(result[-1] if result else 0)
    return result


def _merged(vectors: NDArray[np.float32], count: int) -> list[list[int]]:
    """Merge the two most similar groups until so many are left."""
    groups = [[index] for index in range(len(vectors))]
    means = vectors
    while len(groups) > count:
        similarity = means @ means.T  # the product of two means is the mean of the products of all pairs
        np.fill_diagonal(similarity, -np.inf)
        first, second = sorted(np.unravel_index(int(similarity.argmax()), similarity.shape))
        groups[first] += groups.pop(second)
        means = np.delete(means, second, axis=0)
        means[first] = vectors[groups[first]].mean(axis=0)
    return groups
