"""Shows a timeline: a live view on a terminal, and plain lines elsewhere."""

from monitor.display.analytics import print_analytics
from monitor.display.live_screen import LiveInfo, LiveSnapshot, leave_screen, live_screen, print_ended
from monitor.display.palette import clock
from monitor.display.replay_screen import Progress, Replay, as_svg, print_finished, replay_screen, stopped_at
from monitor.display.summary import alert_line, line, summary_lines

__all__ = [
    "LiveInfo",
    "LiveSnapshot",
    "Progress",
    "Replay",
    "alert_line",
    "as_svg",
    "clock",
    "leave_screen",
    "line",
    "live_screen",
    "print_analytics",
    "print_ended",
    "print_finished",
    "replay_screen",
    "stopped_at",
    "summary_lines",
]
