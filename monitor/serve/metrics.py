"""Metrics of the server, as `GET /metrics` gives them to Prometheus."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_QUIET_S = 10.0
_SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? ")
_BUCKETS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Counters of one server, in a registry of their own. From any thread."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Start at 0; `say` takes a sentence about what went wrong with a line."""
        self.say = say
        self.registry = registry = CollectorRegistry()
        self._quiet_until_s: dict[str, float] = {}
        self.lines = Gauge("stser_lines", "Calls in progress.", registry=registry)
        self.readers = Gauge("stser_event_readers", "Readers of /events.", registry=registry)
        self.calls = Counter("stser_calls", "Calls that began.", ["source"], registry=registry)
        self.turns = Counter("stser_turns", "Turns written.", registry=registry)
        self.alerts = Counter("stser_alerts", "Alerts.", registry=registry)
        self.dropped = Counter("stser_dropped_seconds", "Sound that the server had no time for.", registry=registry)
        self.late = Counter("stser_late_seconds", "Sound that came too late for its place.", registry=registry)
        self.refused = Counter("stser_refused", "Connections and lines refused.", ["reason"], registry=registry)
        self.webhook = Counter("stser_webhook", "Alerts sent to the webhook.", ["outcome"], registry=registry)
        self.row = Histogram(
            "stser_row_seconds", "From the end of a turn to its row.", buckets=_BUCKETS, registry=registry
        )

    def written(self, *times: float) -> None:
        """Note when a turn ended, was taken, transcribed and written."""
        self.row.observe(times[-1] - times[0])

    def refuse(self, what: str, sentence: str) -> None:
        """Count a connection that is refused, and say so; of a flood of them, once in ten seconds."""
        self.refused.labels(what).inc()
        if (now_s := time.monotonic()) > self._quiet_until_s.get(what, 0.0):
            self._quiet_until_s[what] = now_s + _QUIET_S
            self.say(f"a connection was refused ({what}): {sentence}")

    def text(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self.registry)


def together(texts: Mapping[int, str]) -> bytes:
    """The metrics of several replicas, by their places, as the label `replica` tells them apart."""
    families: dict[str, list[str]] = {}
    for place, text in texts.items():
        family = ""
        for line in text.splitlines():
            if line.startswith("#"):
                family = line
                families.setdefault(family, [])
            else:
                families[family].append(_SAMPLE.sub(rf'\1{{replica="{place}",\2}} ', line, count=1))
    return "".join(f"{line}\n" for family, samples in families.items() for line in (family, *samples)).encode()
