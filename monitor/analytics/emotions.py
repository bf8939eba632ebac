"""The emotions of one speaker over a call and after the turns of others, and the angriest minute."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from monitor.analytics.results import AngriestMinute, Quarter, Replies, SpeakerEmotions, SpokenTurn
from monitor.analytics.spans import Speaker, speaker_of, times, within
from monitor.timeline.turn import Turn, printed_probabilities
from stser_core.emotions import LABELS

QUARTERS = 4
UNPLEASANT = ("angry", "sad")
STEADY = 0.1
"""Smaller changes of the probability of anger or sadness count as steady."""

MINUTE_MS = 60_000
_SCALE = 10_000
_ANGRY = LABELS.index("angry")


def speaker_emotions(rows: Sequence[Turn], duration: int) -> SpeakerEmotions | None:
    """One speaker's emotions, or `None` where no talk time was scored."""
    scored = [row for row in rows if row.emotion is not None and row.end_ms > row.start_ms]
    if not scored:
        return None
    shares = _shares(scored, 0, duration) or {}
    change = _change(scored)
    trend = None if change is None else "steady" if abs(change) < STEADY else "worse" if change > 0 else "better"
    return SpeakerEmotions(
        scored_s=sum(row.length_ms for row in scored) / 1000,
        shares=shares,
        main=max(LABELS, key=lambda label: shares[label]),
        quarters=tuple(_quarter(scored, number, duration) for number in range(QUARTERS)),
        first=scored[0].emotion or "",
        last=scored[-1].emotion or "",
        trend=trend,
        change=change,
    )


def replies(rows: Sequence[Turn], speaker: Speaker) -> tuple[Replies, ...]:
    """Count the emotions of a speaker's replies: turns where the turn that began last before is another's."""
    counts: dict[tuple[int, str, str | None], dict[str, int]] = {}
    for before, row in pairwise(rows):
        if speaker_of(row) == speaker != speaker_of(before) and row.emotion is not None:
            of = counts.setdefault((*speaker_of(before), before.emotion), dict.fromkeys(LABELS, 0))
            of[row.emotion] += 1
    in_order = sorted(counts, key=lambda key: (*key[:2], (*LABELS, None).index(key[2])))
    return tuple(Replies(*key, turns=sum(counts[key].values()), emotions=counts[key]) for key in in_order)


def _quarter(rows: Sequence[Turn], number: int, duration: int) -> Quarter:
    start, end = duration * number // QUARTERS, duration * (number + 1) // QUARTERS
    scored = sum(within(times(row), start, end) for row in rows)
    return Quarter(start / 1000, end / 1000, scored / 1000, _shares(rows, start, end))


def _shares(rows: Iterable[Turn], start: int, end: int) -> Mapping[str, float] | None:
    """Each emotion's proportion of the talk time between `start` and `end`, in four decimals that sum to 1."""
    talk = [0] * len(LABELS)
    for row in rows:
        talk[LABELS.index(row.emotion or "")] += within(times(row), start, end)
    return dict(zip(LABELS, printed_probabilities(talk), strict=True)) if any(talk) else None


def _change(rows: Sequence[Turn]) -> float | None:
    """Mean probability of an unpleasant emotion in the second half of the talk time, less that in the first."""
    if len(rows) < 2:
        return None
    half = sum(row.length_ms for row in rows) / 2
    passed = change = 0.0
    for row in rows:
        length, of_label = row.length_ms, dict(zip(LABELS, row.probabilities or (), strict=True))
        early = min(length, max(0.0, half - passed))
        change += sum(of_label[label] for label in UNPLEASANT) * (length - 2 * early) / half
        passed += length
    return round(change, 4)


def angriest_minute(rows: Sequence[Turn], duration: int) -> AngriestMinute | None:
    """Find the sixty seconds with the most expected seconds of angry speech; of several, the first.

    That sum, as a function of where the minute begins, bends only where the minute's start or end meets a turn's
    start or end: so only those beginnings are tried.

    Returns:
        `None` where no talk time was scored, or none of it has any probability of anger.
    """
    scored = [row for row in rows if row.probabilities is not None]
    if not any(_units(row) * row.length_ms for row in scored):
        return None
    latest = max(0, duration - MINUTE_MS)
    edges = {edge for row in scored for edge in times(row)}
    beginnings = sorted({min(latest, max(0, edge - back)) for edge in edges for back in (0, MINUTE_MS)})
    rates: Counter[int] = Counter()  # by how much the expected anger rises and falls at each time
    for row in scored:
        rates.update({row.start_ms: _units(row)})
        rates.subtract({row.end_ms: _units(row)})
    anger = {}  # from the start of the recording up to each time; exact in whole numbers
    before = rate = total = 0
    for time in sorted({*rates, *beginnings, *(beginning + MINUTE_MS for beginning in beginnings)}):
        total += rate * (time - before)
        before, rate, anger[time] = time, rate + rates[time], total
    in_minute = {beginning: anger[beginning + MINUTE_MS] - anger[beginning] for beginning in beginnings}
    start = max(beginnings, key=in_minute.__getitem__)
    end = min(duration, start + MINUTE_MS)
    talk = sum(within(times(row), start, end) for row in scored)
    angry = in_minute[start] / _SCALE
    return AngriestMinute(
        start_s=start / 1000,
        end_s=end / 1000,
        anger=round(angry / talk, 4),
        angry_s=round(angry / 1000, 3),
        turns=tuple(
            SpokenTurn(row.turn, row.channel, row.speaker, row.start_s, row.end_s, row.emotion, row.transcript)
            for row in rows
            if within(times(row), start, end)
        ),
    )


def _units(row: Turn) -> int:
    return round(row.probabilities[_ANGRY] * _SCALE) if row.probabilities else 0
