"""Shows a timeline: a live view on a terminal, and plain lines elsewhere."""

from monitor.display.analytics import print_analytics
from monitor.display.listening_screen import ListeningScreen, leave_screen
from monitor.display.live import LiveScreen, as_svg, print_finished
from monitor.display.palette import clock
from monitor.display.plain import alert_line, line, summary_lines
from monitor.display.screen import Progress, Replay, stopped_at
from monitor.display.session import Moment, Session

__all__ = [
    "ListeningScreen",
    "LiveScreen",
    "Moment",
    "Progress",
    "Replay",
    "Session",
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
