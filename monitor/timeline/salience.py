"""Finds the part of a turn that has the speech encoder's attention."""

from collections.abc import Sequence

STEP_S = 0.1
"""Seconds of one value of `EmotionScores.salience`."""

_HALF = 0.5
# The values come from sums of 32-bit numbers: a half that is short by this is a half.
_TOLERANCE = 1e-6


def salient_steps(salience: Sequence[float]) -> tuple[int, int]:
    """Find the shortest contiguous stretch that holds at least half of the attention.

    Of several that are equally short, the one that holds most; of those, the first.

    Args:
        salience: The proportion of the attention on each step, at least one; they sum to 1.

    Returns:
        The stretch's first step, and the one after its last.
    """
    best: tuple[int, float] | None = None
    stretch = (0, len(salience))
    first, held = 0, 0.0
    for after, value in enumerate(salience, start=1):
        held += value
        while first < after - 1 and held - salience[first] >= _HALF - _TOLERANCE:
            held -= salience[first]
            first += 1
        if held < _HALF - _TOLERANCE:
            continue
        rank = (after - first, -held)
        if best is None or rank[0] < best[0] or (rank[0] == best[0] and rank[1] < best[1] - _TOLERANCE):
            best, stretch = rank, (first, after)
    return stretch
