"""What stands in a timeline beside the turns: marks that the user sets, and alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Mark:
    """A moment that the user wants to find again.

    Attributes:
        number: Counts from 1.
        time_s: Seconds from the start of the recording.
    """

    number: int
    time_s: float


@dataclass(frozen=True)
class Alert:
    """A rule that has come true with a turn.

    Attributes:
        rule: The rule, as the user wrote it.
        time_s: The turn's end, in seconds from the start of the recording.
        channel: The turn's channel, counted from 1.
        speaker: Who spoke.
        turn: The turn's number.
        emotion: The emotion that the rule watches.
        probability: Its probability, as the turn's row says it.
    """

    rule: str
    time_s: float
    channel: int
    speaker: str
    turn: int
    emotion: str
    probability: float


Note: TypeAlias = Mark | Alert
