"""How long it takes from an utterance's last sound to its row, and where the time goes."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_KEPT = 10_000
_STEPS = ("endpoint silence", "waiting", "transcript", "scoring", "writing")
_AFTER_ENDPOINT = "after the endpoint"
_TOTAL = "last sound to row"


@dataclass(frozen=True)
class Stamps:
    """When an utterance passed each point on its way, in seconds of `time.monotonic`.

    Attributes:
        sounded: Its last sound was captured.
        ended: The segmenter decided that it has ended.
        taken: The scorer took it up.
        transcribed: Its transcript was there.
        scored: Its emotion was scored.
        written: All outputs have it.
    """

    sounded: float
    ended: float
    taken: float
    transcribed: float
    scored: float
    written: float

    @property
    def steps(self) -> tuple[float, ...]:
        """Seconds between one point and the next, in the order above."""
        points = (self.sounded, self.ended, self.taken, self.transcribed, self.scored, self.written)
        return tuple(later - earlier for earlier, later in pairwise(points))


class Timings:
    """Collects the stamps of the last turns. Written by one thread, read when all is over."""

    def __init__(self) -> None:
        self._steps: deque[tuple[float, ...]] = deque(maxlen=_KEPT)

    def add(self, stamps: Stamps) -> None:
        """Note a written turn."""
        self._steps.append(stamps.steps)

    def lines(self) -> list[str]:
        """A small table in milliseconds: p50, p95 and maximum of each step and of the sums."""
        steps = list(self._steps)
        if not steps:
            return ["Timings: no turn ended with a pause."]
        turns = "1 turn" if len(steps) == 1 else f"{len(steps)} turns"
        lines = [f"{f'milliseconds ({turns})'.ljust(24)}{'p50'.rjust(8)}{'p95'.rjust(8)}{'max'.rjust(8)}"]
        lines += [_line(name, [one[place] for one in steps]) for place, name in enumerate(_STEPS)]
        lines.append(_line(_AFTER_ENDPOINT, [sum(one[1:]) for one in steps]))
        lines.append(_line(_TOTAL, [sum(one) for one in steps]))
        return lines


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least this share of them does not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def _line(name: str, seconds: Sequence[float]) -> str:
    figures = (percentile(seconds, 0.5), percentile(seconds, 0.95), max(seconds))
    return name.ljust(24) + "".join(f"{1000 * figure:8.0f}" for figure in figures)
