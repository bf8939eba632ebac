"""Diarizes a whole recording of one channel before its first row is written.

Each utterance could be given to the nearest speaker so far, but the first ones would then be guesses that nobody
corrects, since a row that is written stays. A recording is all there: it is diarized first and replayed after that.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from monitor.flow import SpeechEnded
from monitor.segmenter.segmenter import Segmenter
from monitor.sources.recording import mono
from monitor.speakers.clustering import cluster

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.flow import Utterance
    from monitor.segmenter.settings import SegmenterSettings
    from monitor.sources import Source
    from monitor.speakers.embeddings import SpeakerEmbedding, VoskEmbeddings


class Halted(Exception):  # noqa: N818
    """Work on a recording was abandoned because the user stops it."""


def diarize(
    source: Source,
    count: int,
    extractor: VoskEmbeddings,
    settings: SegmenterSettings | None = None,
    *,
    halted: Callable[[], bool] = lambda: False,
) -> Callable[[Utterance], str]:
    """Find the speaker of each utterance of a recording of one channel.

    Args:
        source: The recording; several channels are mixed.
        count: How many speakers there are.
        extractor: Computes the speaker embeddings.
        settings: How the speech is cut into utterances, as for the pipeline; `None` for the defaults.
        halted: Asked again and again whether to stop.

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
