"""The report of a call: one HTML file that opens from disk and needs no network.

The page's parts are files: `page/` holds its template, style and scripts.
"""

from __future__ import annotations

from monitor.report.content import Report, make_report
from monitor.report.page import render

__all__ = ["Report", "make_report", "render"]
