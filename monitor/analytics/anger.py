"""The angriest minute of a call, with its words."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from monitor.analytics.results import AngriestMinute, SpokenTurn
from monitor.analytics.spans import times, within
from monitor.timeline.turn import Turn
from stser_core.emotions import index

MINUTE_MS = 60_000
_SCALE = 10_000
_ANGRY = index("angry")


def angriest_minute(rows: Sequence[Turn], duration: int) -> AngriestMinute | None:
    """Find the sixty seconds with the most expected seconds of angry speech; of several, the first.

    That sum, as a function of where the minute begins, bends only where the minute's start or end meets a turn's
    start or end: so only those beginnings are tried.

    Returns:
        `None` where no talk time was scored, or none of it has any probability of anger.
    """
    scored = [row for row in rows if row.probabilities is not None]
    if not any(_units(row) * (row.end_ms - row.start_ms) for row in scored):
        return None
    latest = max(0, duration - MINUTE_MS)
    edges = {edge for row in scored for edge in times(row)}
    beginnings = sorted({min(latest, max(0, edge - back)) for edge in edges for back in (0, MINUTE_MS)})
    anger = _Cumulative([(*times(row), _units(row)) for row in scored])
    start = max(beginnings, key=lambda beginning: anger.up_to(beginning + MINUTE_MS) - anger.up_to(beginning))
    end = min(duration, start + MINUTE_MS)
    talk = sum(within(times(row), start, end) for row in scored)
    angry = (anger.up_to(end) - anger.up_to(start)) / _SCALE
    return AngriestMinute(
        start_s=start / 1000,
        end_s=end / 1000,
        anger=round(angry / talk, 4),
        angry_s=round(angry / 1000, 3),
        turns=tuple(_spoken(row) for row in rows if within(times(row), start, end)),
    )


class _Cumulative:
    """The integral of a sum of rates, each constant over its span; exact in whole numbers."""

    def __init__(self, spans: Sequence[tuple[int, int, int]]) -> None:
        steps: dict[int, int] = {}
        for start, end, rate in spans:
            steps[start] = steps.get(start, 0) + rate
            steps[end] = steps.get(end, 0) - rate
        self._edges = sorted(steps)
        self._rates = list(accumulate(steps[edge] for edge in self._edges))
        lengths = (after - before for before, after in zip(self._edges, self._edges[1:], strict=False))
        pieces = (rate * length for rate, length in zip(self._rates, lengths, strict=False))
        self._totals = list(accumulate(pieces, initial=0))

    def up_to(self, time: int) -> int:
        """The integral from the beginning to `time`."""
        place = bisect_right(self._edges, time) - 1
        return 0 if place < 0 else self._totals[place] + self._rates[place] * (time - self._edges[place])


def _units(row: Turn) -> int:
    return round(row.probabilities[_ANGRY] * _SCALE) if row.probabilities else 0


def _spoken(row: Turn) -> SpokenTurn:
    return SpokenTurn(row.turn, row.channel, row.speaker, row.start_s, row.end_s, row.emotion, row.transcript)
