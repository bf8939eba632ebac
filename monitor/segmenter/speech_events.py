"""What the segmenter tells: speech has started, goes on, has ended.

For each channel the events come as `SpeechStarted`, one or more `SpeechAudio`, `SpeechEnded`, and so on. The
audio between a start and its end, joined, is exactly the samples of the utterance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from monitor.flow import Utterance


@dataclass(frozen=True)
class SpeechStarted:
    """Someone has begun to speak: certain enough that a `SpeechEnded` will follow.

    Attributes:
        channel: Counts from 1.
        start_s: Where the utterance starts, pre-roll included; seconds from the start of the recording.
    """

    channel: int
    start_s: float


@dataclass(frozen=True, eq=False)
class SpeechAudio:
    """The next piece of an utterance that goes on.

    Attributes:
        channel: Counts from 1.
        samples: float32 [n] in −1…1, 16 kHz.
    """

    channel: int
    samples: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SpeechEnded:
    """An utterance is complete. Over all channels these come in the order of their end times."""

    utterance: Utterance

    @property
    def channel(self) -> int:
        """The utterance's channel, counted from 1."""
        return self.utterance.channel


SpeechEvent: TypeAlias = SpeechStarted | SpeechAudio | SpeechEnded
