"""What is going on in a channel at this moment, as a display reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.loudness import SILENCE_DBFS

if TYPE_CHECKING:
    from stser_core.scores import EmotionScores


@dataclass(frozen=True)
class ChannelNow:
    """A snapshot of one channel.

    Attributes:
        level_dbfs: Root mean square of the last block in decibels below full scale.
        since_s: Where the utterance in hand started, in seconds from the start of the recording; `None` while
            nobody speaks.
        words: What the recogniser has understood of it so far; may still change.
        scores: A provisional estimate from what has been heard of it so far; `None` before the first.
    """

    level_dbfs: float = SILENCE_DBFS
    since_s: float | None = None
    words: str = ""
    scores: EmotionScores | None = None

    @property
    def speaking(self) -> bool:
        """Whether someone speaks."""
        return self.since_s is not None
