"""Arithmetic with stretches of time, in whole milliseconds, so that parts add up exactly."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from monitor.timeline.turn import Turn

STRETCH_GAP_MS = 500
"""Turns of one speaker closer than this are one stretch: a long turn is cut, and a breath does not end one."""

Speaker: TypeAlias = tuple[int, str]
"""A channel and the role on it."""

Times: TypeAlias = tuple[int, int]
"""Start and end."""


class Stretch(NamedTuple):
    """Continuous speech of one speaker in milliseconds, and the turn that begins it."""

    start: int
    end: int
    speaker: Speaker
    turn: int


def speaker_of(row: Turn) -> Speaker:
    """The speaker of a turn."""
    return row.channel, row.speaker


def times(row: Turn) -> Times:
    """A turn's start and end."""
    return row.start_ms, row.end_ms


def union(spans: Iterable[Times], gap: int = 0) -> list[Times]:
    """Join what overlaps, touches or lies less than `gap` apart; in order."""
    joined: list[Times] = []
    for start, end in sorted(spans):
        if joined and (start <= joined[-1][1] or start - joined[-1][1] < gap):
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def total(spans: Iterable[Times]) -> int:
    """The sum of the lengths."""
    return sum(end - start for start, end in spans)


def gaps(spans: Sequence[Times], end: int) -> list[Times]:
    """The gaps between 0 and `end` that a `union` of spans leaves."""
    neighbours = pairwise([(0, 0), *spans, (end, end)])
    return [(before[1], after[0]) for before, after in neighbours if after[0] > before[1]]


def within(span: Times, start: int, end: int) -> int:
    """Length of the part of a span between `start` and `end`."""
    return max(0, min(span[1], end) - max(span[0], start))


def overlap(speakers: Iterable[Sequence[Times]]) -> int:
    """Time in which two or more speak; each speaker's spans are a `union`."""
    edges = sorted(
        (time, step) for spans in speakers for span in spans for time, step in zip(span, (1, -1), strict=True)
    )
    shared = depth = since = 0
    for time, step in edges:
        shared += time - since if depth > 1 else 0
        depth, since = depth + step, time
    return shared


def stretches(speakers: Mapping[Speaker, Sequence[Turn]]) -> list[Stretch]:
    """The stretches of all speakers, whose turns are in order, in order of their start."""
    found = []
    for speaker, turns in speakers.items():
        first = {row.start_ms: row.turn for row in reversed(turns)}
        joined = union(map(times, turns), STRETCH_GAP_MS)
        found += [Stretch(start, end, speaker, first[start]) for start, end in joined]
    return sorted(found)
