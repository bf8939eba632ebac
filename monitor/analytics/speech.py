"""How one speaker speaks: words per minute, loudness, the longest turn and stretch."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitor.analytics.results import LongestTurn, Span
from monitor.analytics.spans import STRETCH_GAP_MS, times, union
from monitor.timeline.turn import Turn


def words(rows: Sequence[Turn]) -> int | None:
    """Words that were recognised, as the recogniser's blanks part them, or `None` where no turn has any."""
    counts = [len(row.transcript.split()) for row in rows if row.transcript is not None]
    return sum(counts) or None


def words_per_minute(rows: Sequence[Turn]) -> float | None:
    """Words by the length of the turns that have words, or `None` where there is none."""
    spoken = [row for row in rows if row.transcript is not None and row.transcript.split()]
    length = sum(row.end_ms - row.start_ms for row in spoken)
    return (words(spoken) or 0) / (length / 60_000) if length else None


def loudness_dbfs(rows: Sequence[Turn]) -> float | None:
    """Mean power of the turns, weighted by their length, in decibels below full scale."""
    known = [(row.loudness_dbfs, row.end_ms - row.start_ms) for row in rows if row.loudness_dbfs is not None]
    length = sum(weight for _, weight in known)
    power = math.fsum(10 ** (level / 10) * weight for level, weight in known)
    return 10 * math.log10(power / length) if length and power else None


def longest_turn(rows: Sequence[Turn]) -> LongestTurn:
    """The longest turn; of several, the first."""
    row = max(rows, key=lambda row: row.end_ms - row.start_ms)
    return LongestTurn(row.turn, row.start_s, row.end_s)


def longest_stretch(rows: Sequence[Turn]) -> Span:
    """The longest time that the speaker goes on; of several, the first."""
    start, end = max(union(map(times, rows), STRETCH_GAP_MS), key=lambda span: span[1] - span[0])
    return Span(start / 1000, end / 1000)
