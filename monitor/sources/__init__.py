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
    """

    name: str
    channels: int

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the sound once, from sample 0 on, in blocks whose samples are all finite.

        Sound that does not wait to be read, as a microphone's, is kept for some seconds; what is dropped is a gap.
        """
        ...

    def stop(self) -> None:
        """Make `blocks` end soon. May be called from any thread, at any time, more than once."""
        ...
