"""Diarizes a whole recording of one channel before its first row is written.

Each utterance could be given to the nearest speaker so far, but the first ones would then be guesses that nobody
corrects, since a row that is written stays. A recording is all there: it is diarized first and replayed after that.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from monitor.flow import SpeechEnded
from monitor.segmenter.segmenter import Segmenter
from monitor.speakers.clustering import cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from monitor.flow import Utterance
    from monitor.segmenter.settings import SegmenterSettings
    from monitor.sources import Source
    from monitor.speakers.embeddings import EmbeddingExtractor, SpeakerEmbedding


class SpeakerSegment(NamedTuple):
    """A speaker's segment, in seconds from the start of the recording."""

    start_s: float
    end_s: float
    speaker: str


class Diarization:
    """The speakers of one recording.

    Attributes:
        segments: In the order of their times; none overlap.
    """

    def __init__(self, segments: Sequence[SpeakerSegment]) -> None:
        self.segments = tuple(segments)

    def speaker_of(self, utterance: Utterance) -> str:
        """The speaker of most of an utterance.

        Raises:
            ValueError: No segment overlaps it: the utterance is not of this recording.
        """

        def shared_s(segment: SpeakerSegment) -> float:
            return min(utterance.end_s, segment.end_s) - max(utterance.start_s, segment.start_s)

        nearest = max(self.segments, key=shared_s, default=None)
        if nearest is None or shared_s(nearest) <= 0:
            raise ValueError(f"Nobody speaks from {utterance.start_s} to {utterance.end_s} s in this diarization.")
        return nearest.speaker


class Halted(Exception):  # noqa: N818
    """Work on a recording was abandoned because the user stops it."""


def diarize(
    source: Source,
    count: int,
    extractor: EmbeddingExtractor,
    settings: SegmenterSettings | None = None,
    *,
    halted: Callable[[], bool] = lambda: False,
) -> Diarization:
    """Find the speaker of each utterance of a recording of one channel.

    Args:
        source: The recording.
        count: How many speakers there are.
        extractor: Computes the speaker embeddings.
        settings: How the speech is cut into utterances, as for the pipeline; `None` for the defaults.
        halted: Asked again and again whether to stop.

    Returns:
        Segments of `speaker1`, `speaker2`, …, in the order in which they first speak.

    Raises:
        Halted: It is to stop.
    """

    def embed(utterance: Utterance) -> SpeakerEmbedding | None:
        if halted():
            raise Halted
        return extractor.embed(utterance.samples)

    segmenter = Segmenter(source.channels, settings)
    events = [event for block in source.blocks() for event in segmenter.feed(block)] + segmenter.flush()
    utterances = [event.utterance for event in events if isinstance(event, SpeechEnded)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        embeddings = list(threads.map(embed, utterances))
    return Diarization(
        [
            SpeakerSegment(utterance.start_s, utterance.end_s, f"speaker{number + 1}")
            for utterance, number in zip(utterances, cluster(embeddings, count), strict=True)
        ]
    )
