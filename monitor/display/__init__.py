"""Shows a timeline: a live view on a terminal, and plain lines elsewhere."""

from monitor.display.analytics import print_analytics
from monitor.display.live_screen import LiveInfo, LiveScreen, LiveSnapshot, leave_screen
from monitor.display.palette import clock
from monitor.display.replay_screen import Progress, Replay, ReplayScreen, as_svg, print_finished, stopped_at
from monitor.display.summary import alert_line, line, summary_lines

__all__ = [
    "LiveInfo",
    "LiveScreen",
    "LiveSnapshot",
    "Progress",
    "Replay",
    "ReplayScreen",
    "alert_line",
    "as_svg",
    "clock",
    "leave_screen",
    "line",
    "print_analytics",
    "print_finished",
    "stopped_at",
    "summary_lines",
]
