"""The data that the pipeline's threads exchange: frozen, stamped with the stream's own clock.

Time is the stream's sample count at 16 kHz, never the wall clock (docs/architecture.md, "The flow").
"""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, TypeAlias

from msgspec import Meta

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stser_core import EmotionScores

SAMPLE_RATE = 16_000
"""Samples per second of everything that flows; sources resample to it."""

Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=1e9)]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
"""Bounds of what is read from a file."""


@dataclass(frozen=True, eq=False)
class AudioBlock:
    """A piece of a stream: 20 to 100 ms of live sound, 900 ms of a recording."""

    # Index of the first sample on the stream's own clock; more than the end of the block before where sound was lost
    # between them.
    start: int
    samples: NDArray[np.float32]  # float32 [channels, n] in −1…1, 16 kHz
    # When its last sample was there, in seconds of `time.monotonic`.
    arrived_at: float = field(default_factory=time.monotonic)

    @property
    def end(self) -> int:
        """Index of the sample after the last."""
        return self.start + int(self.samples.shape[1])


@dataclass(frozen=True)
class Word:
    """A recognised word; times in seconds from the start of the recording, confidence in 0…1."""

    text: str
    start_s: Seconds
    end_s: Seconds
    confidence: Share


@dataclass(frozen=True)
class Transcript:
    """The words of one utterance, in their order; none where nothing was understood."""

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """The words, separated by blanks."""
        return " ".join(word.text for word in self.words)

    @property
    def confidence(self) -> float | None:
        """Mean confidence of the words in 0…1, or `None` where there are none."""
        return sum(word.confidence for word in self.words) / len(self.words) if self.words else None


@dataclass(frozen=True, eq=False)
class Utterance:
    """One stretch of speech on one channel, as the segmenter cut it, and when it passed the points on its way."""

    channel: int  # counts from 1
    # Seconds from the start of the recording.
    start_s: float
    end_s: float
    samples: NDArray[np.float32]  # float32 [n] in −1…1, 16 kHz mono: the sound from `start_s` to `end_s`
    dropped_ms: int = 0  # milliseconds of sound that were lost inside the utterance (live capture only)
    ended_at: float = 0.0  # when its end was decided, in seconds of `time.monotonic`
    # Set by the transcriber thread, or cancelled; `None` without a transcriber.
    transcript: Future[Transcript | None] = field(default_factory=Future)


@dataclass(frozen=True)
class SpeechStarted:
    """Someone has begun to speak: certain enough that a `SpeechEnded` will follow. `start_s` includes the pre-roll.

    For each channel the events come as `SpeechStarted`, one or more `SpeechAudio`, `SpeechEnded`, and so on. The audio
    between a start and its end, joined, is exactly the samples of the utterance. Channels count from 1.
    """

    channel: int
    start_s: float


@dataclass(frozen=True, eq=False)
class SpeechAudio:
    """The next piece of an utterance that goes on: float32 [n] in −1…1, 16 kHz."""

    channel: int
    samples: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SpeechEnded:
    """An utterance is complete. Over all channels these come in the order of their end times."""

    utterance: Utterance


SpeechEvent: TypeAlias = SpeechStarted | SpeechAudio | SpeechEnded


@dataclass(frozen=True)
class ChannelNow:
    """The present state of a channel, for a display."""

    level_dbfs: float = -120.0  # root mean square of the last block in decibels below full scale
    # Where the utterance in hand started, in seconds from the start of the recording; `None` while nobody speaks.
    since_s: float | None = None
    words: str = ""  # what has been recognised of it so far; may still change
    # A provisional estimate from what was said of it so far; `None` before the first.
    scores: EmotionScores | None = None

    @property
    def speaking(self) -> bool:
        """Whether somebody speaks."""
        return self.since_s is not None
