"""A speaker's probabilities over time, as the picture draws them; `page/curves.js` does the same for the page."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.report.content import ShownTurn
from stser_core.emotions import LABELS

_CROWDED_S = 1200.0
"""In a recording that is longer, turns would crowd: a running mean takes their place."""

_WINDOW = 1 / 50
"""Length of the running mean, as a share of the recording."""

Scored = tuple[float, float, tuple[float, ...]]
"""Start and end in seconds, and the four probabilities."""


def window_s(duration_s: float) -> float | None:
    """Seconds over which the curves of a recording are averaged, or `None` where each turn is drawn."""
    return duration_s * _WINDOW if duration_s > _CROWDED_S else None


def curve(turns: Sequence[ShownTurn], duration_s: float) -> tuple[list[float], list[tuple[float, ...]]]:
    """Make one speaker's curve.

    A turn's probabilities hold for the whole turn. In a long recording they are averaged around each turn's
    middle, each turn for as long as it lies in the window.

    Args:
        turns: One speaker's, in the order of their starts.
        duration_s: The recording's length.

    Returns:
        Times in seconds, and as many probability vectors.
    """
    scored = [
        (turn.row.start_s, turn.row.end_s, turn.row.probabilities)
        for turn in turns
        if turn.row.probabilities is not None
    ]
    seconds = window_s(duration_s)
    if seconds is None:
        return [time for start_s, end_s, _ in scored for time in (start_s, end_s)], [
            probabilities for _, _, probabilities in scored for _ in range(2)
        ]
    middles = sorted({(start_s + end_s) / 2 for start_s, end_s, _ in scored if end_s > start_s})
    return middles, [_mean(scored, middle - seconds / 2, middle + seconds / 2) for middle in middles]


def _mean(scored: Sequence[Scored], start_s: float, end_s: float) -> tuple[float, ...]:
    inside = [(min(end, end_s) - max(start, start_s), of) for start, end, of in scored]
    inside = [(weight, of) for weight, of in inside if weight > 0]
    total = sum(weight for weight, _ in inside)
    return tuple(sum(weight * of[place] for weight, of in inside) / total for place in range(len(LABELS)))
