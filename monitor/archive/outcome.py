"""What becomes of one recording: data that travels from a worker, here or on another machine, to the archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from monitor.timeline.turn import Turn


@dataclass(frozen=True)
class Finished:
    """What the archive keeps of a recording beside its timeline: the proof that it is done.

    Attributes:
        recording: Its name in the archive.
        size: Bytes of its file when it was read.
        modified_ns: When the file was last written, in nanoseconds since 1970.
        duration_s: Length that the file announces, or that was heard where it announces none.
        heard_s: How far it could be decoded.
    """

    recording: str
    size: int
    modified_ns: int
    duration_s: float
    heard_s: float


@dataclass(frozen=True)
class Scored:
    """A recording that is done.

    Attributes:
        finished: Its proof.
        turns: Its timeline.
        notice: What the user should be told, or `None`.
    """

    finished: Finished
    turns: tuple[Turn, ...]
    notice: str | None = None

    @property
    def recording(self) -> str:
        """Its name in the archive."""
        return self.finished.recording


@dataclass(frozen=True)
class Failed:
    """A recording that cannot be done, and why, in a sentence."""

    recording: str
    reason: str


Outcome: TypeAlias = Scored | Failed
