"""Between the speakers: silence, interruptions and response times."""

import math
import statistics
from collections.abc import Iterable, Sequence

from monitor.analytics.results import Interruption, Interruptions, InterruptionsBy, ResponseTimes, Silence, Span
from monitor.analytics.spans import Speaker, Stretch, Times, gaps, total

LONG_SILENCE_MS = 3000
"""A silence longer than this is listed."""

INTERRUPTION_MS = 500
"""Both speak at least this long: turns carry 0.24 s before and 0.15 s after their speech, which overlap harmlessly."""

LISTENING_MS = 1000
"""A shorter stretch that ends before the other one is a backchannel ("yes"), not an interruption."""


def silence(speech: Sequence[Times], duration: int) -> Silence:
    """Measure the silences."""
    quiet = gaps(speech, duration)
    long = [span for span in quiet if span[1] - span[0] > LONG_SILENCE_MS]
    return Silence(
        total_s=total(quiet) / 1000,
        share=total(quiet) / duration if duration else None,
        long_s=total(long) / 1000,
        instances=tuple(Span(start / 1000, end / 1000) for start, end in long),
    )


def interruptions(found: Sequence[Stretch], speakers: Iterable[Speaker]) -> Interruptions:
    """Find each speaker's interruptions."""
    lists: dict[Speaker, list[Interruption]] = {speaker: [] for speaker in speakers}
    active: list[Stretch] = []
    for stretch in found:
        active = [other for other in active if other.end > stretch.start]
        speaking = [other for other in active if other.start < stretch.start and other.speaker != stretch.speaker]
        active.append(stretch)
        if speaking:
            interrupted = max(speaking, key=lambda other: other.end)
            end = min(stretch.end, interrupted.end)
            listening = stretch.end < interrupted.end and stretch.end - stretch.start < LISTENING_MS
            if end - stretch.start >= INTERRUPTION_MS and not listening:
                one = Interruption(stretch.start / 1000, end / 1000, stretch.turn, *interrupted.speaker)
                lists[stretch.speaker].append(one)
    each = tuple(
        InterruptionsBy(*speaker, len(own), _sum(one.end_s - one.start_s for one in own), tuple(own))
        for speaker, own in lists.items()
    )
    return Interruptions(sum(by.count for by in each), _sum(by.total_s for by in each), each)


def response_times(found: Sequence[Stretch], speakers: Iterable[Speaker]) -> dict[Speaker, ResponseTimes]:
    """Each speaker's response times: from the end of another's speech to the start of theirs.

    A stretch that begins during speech, or after the speaker's own pause, is not a response.
    """
    waits: dict[Speaker, list[int]] = {speaker: [] for speaker in speakers}
    last: Stretch | None = None
    for stretch in found:
        if last is not None and last.end <= stretch.start and last.speaker != stretch.speaker:
            waits[stretch.speaker].append(stretch.start - last.end)
        if last is None or stretch.end > last.end:
            last = stretch
    return {speaker: _response_times(own) for speaker, own in waits.items()}


def _response_times(waits: Sequence[int]) -> ResponseTimes:
    if not waits:
        return ResponseTimes(0, None, None, None)
    mean = statistics.fmean(waits)
    return ResponseTimes(len(waits), statistics.median(waits) / 1000, mean / 1000, max(waits) / 1000)


def _sum(seconds: Iterable[float]) -> float:
    """A sum of times, each of whole milliseconds."""
    return round(math.fsum(seconds), 3)
