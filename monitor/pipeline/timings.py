"""Latency from an utterance's last sound to its row, by step."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from itertools import pairwise

_KEPT = 10_000
_STEPS = ("endpoint silence", "waiting", "transcript", "scoring", "writing")


class Timings:
    """Collects when the last turns passed each point. Written by one thread, read when all is over."""

    def __init__(self) -> None:
        self._steps: deque[tuple[float, ...]] = deque(maxlen=_KEPT)

    def add(self, *times: float) -> None:
        """Note a written turn.

        Args:
            times: Seconds of `time.monotonic`: when its last sound was captured, the segmenter decided that it had
                ended, the scorer took it up, its transcript was there, it was scored, and all outputs had it.
        """
        self._steps.append(tuple(later - earlier for earlier, later in pairwise(times)))

    def lines(self) -> list[str]:
        """A small table in milliseconds: p50, p95 and maximum of each step and of the sums."""
        steps = list(self._steps)
        if not steps:
            return ["Timings: no turn ended with a pause."]
        turns = "1 turn" if len(steps) == 1 else f"{len(steps)} turns"
        lines = [f"{f'milliseconds ({turns})'.ljust(24)}{'p50'.rjust(8)}{'p95'.rjust(8)}{'max'.rjust(8)}"]
        lines += [_line(name, [one[place] for one in steps]) for place, name in enumerate(_STEPS)]
        lines.append(_line("after the endpoint", [sum(one[1:]) for one in steps]))
        lines.append(_line("last sound to row", [sum(one) for one in steps]))
        return lines


def percentile(values: Sequence[float], fraction: float) -> float:
    """The smallest of `values` that at least this fraction of them does not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(fraction * len(ranked)) - 1)]


def _line(name: str, seconds: Sequence[float]) -> str:
    figures = (percentile(seconds, 0.5), percentile(seconds, 0.95), max(seconds))
    return name.ljust(24) + "".join(f"{1000 * figure:8.0f}" for figure in figures)
