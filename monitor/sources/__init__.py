"""Sources of sound: one protocol, and a module for each source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.flow import AudioBlock


class Source(Protocol):
    """A stream of sound.

    Attributes:
        name: The file's or the device's name, as it appears in the timeline.
        channels: Number of channels in every block.
        live: Whether the sound comes whether or not anyone listens: what cannot be taken in time is lost.
        duration_s: Length in seconds, or `None` where it is not known.
    """

    name: str
    channels: int
    live: bool
    duration_s: float | None

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the sound once, from sample 0 on, in blocks of 20 to 100 ms whose samples are all finite."""
        ...

    def stop(self) -> None:
        """Make `blocks` end soon. May be called from any thread, at any time, more than once."""
        ...
