"""Shows a timeline: a live view on a terminal, and plain lines elsewhere."""

from monitor.display.live import LiveScreen, as_svg, print_finished
from monitor.display.palette import clock
from monitor.display.plain import line, summary_lines
from monitor.display.screen import Progress, Replay, stopped_at

__all__ = [
    "LiveScreen",
    "Progress",
    "Replay",
    "as_svg",
    "clock",
    "line",
    "print_finished",
    "stopped_at",
    "summary_lines",
]
