"""Call analytics from a timeline alone, with no further model; docs/analytics.md defines every figure."""

from __future__ import annotations

from monitor.analytics.call import analyse
from monitor.analytics.results import CallAnalytics, from_json, to_json

__all__ = ["CallAnalytics", "analyse", "from_json", "to_json"]
