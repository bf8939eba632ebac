"""Who speaks when, over a whole recording of one channel, before its first row is written.

Each utterance could be given to the nearest voice heard so far, but the first ones would then be guesses that nobody
corrects, since a row that is written stays. A recording is all there: it is cut into its utterances once for their
voices, and replayed after that. The segmenter cuts the same sound in the same way both times.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from monitor.segmenter.segmenter import Segmenter
from monitor.segmenter.speech_events import SpeechEnded
from monitor.speakers.clustering import Voice, speakers
from stser_core.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from monitor.flow import Utterance
    from monitor.sources import Source


class Hearer(Protocol):
    """What hears how an utterance sounds; `Voices` in earnest."""

    def voice(self, samples: NDArray[np.float32]) -> Voice | None:
        """The utterance's voice, `None` where there is too little speech. From any thread."""
        ...


def separate(source: Source, count: int, hearer: Hearer) -> Mapping[float, str]:
    """Name the speaker of each utterance.

    Args:
        source: A recording of one channel.
        count: How many speakers there are.
        hearer: Hears the voices.

    Returns:
        `speaker1`, `speaker2`, …, in the order in which they first speak, by the utterance's start in seconds.
    """
    utterances = _utterances(source)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        voices = list(threads.map(lambda utterance: hearer.voice(utterance.samples), utterances))
    numbers = speakers(voices, count)
    return {utterance.start_s: f"speaker{number + 1}" for utterance, number in zip(utterances, numbers, strict=True)}


def require_one_channel(recording: str, channels: int) -> None:
    """Refuse a recording whose channels are the speakers already.

    Raises:
        UsageError: With what to do instead.
    """
    if channels != 1:
        raise UsageError(
            f"--speakers separates the voices of one channel, but {recording} has {channels}; name them with "
            "--channels, or mix them with --channels mix."
        )


def _utterances(source: Source) -> list[Utterance]:
    segmenter = Segmenter(source.channels)
    events = [event for block in source.blocks() for event in segmenter.feed(block)]
    events += segmenter.flush()
    return [event.utterance for event in events if isinstance(event, SpeechEnded)]
