"""Which part of a turn holds the speech encoder's attention."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.flow import Turn, Word

STEP_S = 0.1
"""Seconds that one share of `EmotionScores.salience` stands for."""

_HALF = 0.5
# Shares come from sums of 32-bit numbers: a half that is short by this is a half.
_TOLERANCE = 1e-6


def salient_steps(salience: Sequence[float]) -> tuple[int, int]:
    """Find the shortest contiguous stretch that holds at least half of the attention.

    Of several that are equally short, the one that holds most; of those, the first.

    Args:
        salience: The share of the attention on each step, at least one; they sum to 1.

    Returns:
        The stretch's first step, and the one after its last.
    """
    best: tuple[int, float] | None = None
    stretch = (0, len(salience))
    first, held = 0, 0.0
    for after, share in enumerate(salience, start=1):
        held += share
        while first < after - 1 and held - salience[first] >= _HALF - _TOLERANCE:
            held -= salience[first]
            first += 1
        if held < _HALF - _TOLERANCE:
            continue
        rank = (after - first, -held)
        if best is None or rank[0] < best[0] or (rank[0] == best[0] and rank[1] < best[1] - _TOLERANCE):
            best, stretch = rank, (first, after)
    return stretch


def salient_span(turn: Turn) -> tuple[float, float] | None:
    """Where in the recording a turn's salient stretch lies.

    Returns:
        Its start and end in seconds from the start of the recording, inside the turn; `None` where the
        attention was not asked for or no sound was scored.
    """
    salience = None if turn.scores is None else turn.scores.salience
    if not salience:
        return None
    first, after = salient_steps(salience)
    return turn.start_s + first * STEP_S, min(turn.end_s, turn.start_s + after * STEP_S)


def salient_words(turn: Turn) -> frozenset[int]:
    """Which words, counted from 0, lie in the salient stretch: those whose middle does."""
    span = salient_span(turn)
    if span is None or turn.transcript is None:
        return frozenset()
    return frozenset(place for place, word in enumerate(turn.transcript.words) if span[0] <= _middle(word) <= span[1])


def _middle(word: Word) -> float:
    return (word.start_s + word.end_s) / 2
