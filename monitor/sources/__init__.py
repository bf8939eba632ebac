"""Sources of sound: one protocol, and a module for each source."""

from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

from monitor.flow import AudioBlock


class Source(Protocol):
    """A stream of sound."""

    name: str  # the file's or the device's name, as it appears in the timeline
    channels: int  # number of channels in every block

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the sound once, from sample 0 on, in blocks whose samples are all finite.

        Sound that does not wait to be read, as a microphone's, is kept for some seconds; what is dropped is a gap.
        """

    def stop(self) -> None:
        """Make `blocks` end soon. May be called from any thread, at any time, more than once."""


@runtime_checkable
class SharedSource(Protocol):
    """One of many streams of sound whose blocks one thread hands over."""

    name: str  # as it appears in the timeline
    channels: int  # number of channels in every block

    def feed(self, take: Callable[[AudioBlock], bool], has_room: Callable[[], bool]) -> None:
        """Have `take` called with every block, until it returns false or `stop` is called and all is taken.

        It is called by another thread, and only while `has_room` returns true, since else it would wait.
        """

    def stop(self) -> None:
        """Make `feed` return soon. May be called from any thread, at any time, more than once."""
