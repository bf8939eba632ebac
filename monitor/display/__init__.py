"""Shows a timeline: a live view on a terminal, and plain lines elsewhere."""

from monitor.display.live import LiveScreen, print_finished, save_svg
from monitor.display.plain import line, summary_lines
from monitor.display.screen import Progress, Replay

__all__ = ["LiveScreen", "Progress", "Replay", "line", "print_finished", "save_svg", "summary_lines"]
