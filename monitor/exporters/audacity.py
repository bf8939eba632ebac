"""A timeline as an Audacity label track: one line for each turn with start, end and label, separated by tabs.

Source: Audacity Manual, "Importing and Exporting Labels". The format has no escapes, so a label holds no tab or line
end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from monitor.exporters.captions import caption, encoded, in_order, one_line, shown_ms
from monitor.timeline.row import TimelineRow


def write_audacity(rows: Sequence[TimelineRow], stream: BinaryIO) -> None:
    """Write a label for each turn, in order of their start."""
    for row in in_order(rows):
        start, end = shown_ms(row)
        label = f"{one_line(row.speaker)}: {caption(row)}"
        stream.write(encoded(f"{start / 1000:.6f}\t{end / 1000:.6f}\t{label}\n"))
