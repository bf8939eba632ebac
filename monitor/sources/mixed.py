"""All channels of a source as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.flow import AudioBlock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.sources import Source


class Mixed:
    """Averages the channels of another source."""

    channels = 1

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name = source.name
        self.live = source.live
        self.duration_s = source.duration_s

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the mean of all channels, block by block."""
        for block in self._source.blocks():
            yield AudioBlock(block.start, block.samples.mean(axis=0, keepdims=True), block.dropped)

    def stop(self) -> None:
        """Stop the source."""
        self._source.stop()
