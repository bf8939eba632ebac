"""Computes the analytics of a call."""

import math
from collections.abc import Iterable, Mapping, Sequence

from monitor.analytics.conversation import interruptions, response_times, silence
from monitor.analytics.emotions import angriest_minute, replies, speaker_emotions
from monitor.analytics.results import CallAnalytics, LongestTurn, ResponseTimes, Span, SpeakerAnalytics
from monitor.analytics.spans import STRETCH_GAP_MS, Speaker, overlap, speaker_of, stretches, times, total, union
from monitor.roles import MIXED
from monitor.timeline.turn import Turn, printed_probabilities
from stser_core.errors import DataError


def analyse(rows: Iterable[Turn], duration_s: float | None = None) -> CallAnalytics:
    """Compute the metrics of one call; docs/analytics.md defines each.

    Args:
        rows: The turns of one recording, in any order: live from the pipeline or from `read_timeline`. Music is left
            out.
        duration_s: Length of the recording in seconds. Without it, or where it is shorter than the turns, the
            recording ends with its last turn.

    Raises:
        DataError: The rows are of more than one recording.
    """
    rows = sorted(rows, key=lambda row: row.place)
    recordings = sorted({row.recording for row in rows})
    if len(recordings) > 1:
        raise DataError(
            f"A call is one recording, but the timeline holds {len(recordings)} ({recordings[0]!r}, "
            f"{recordings[1]!r}, …); give one timeline for each."
        )
    duration = max([round((duration_s or 0.0) * 1000), *(row.end_ms for row in rows)])
    rows = [row for row in rows if not row.is_music]
    speakers: dict[Speaker, list[Turn]] = {speaker: [] for speaker in sorted(set(map(speaker_of, rows)))}
    for row in rows:
        speakers[speaker_of(row)].append(row)
    found = stretches(speakers)
    speech = union(map(times, rows))
    spoken = {speaker: union(map(times, turns)) for speaker, turns in speakers.items()}
    talk = [total(spans) for spans in spoken.values()]
    # On one channel utterances follow each other, so overlaps are unknown.
    several_channels = len({row.channel for row in rows}) > 1
    mixed = any(row.speaker == MIXED for row in rows)
    shares: Mapping[Speaker, float] = {}
    if any(talk) and not mixed:  # in four decimals that sum to 1
        shares = dict(zip(speakers, printed_probabilities(talk), strict=True))
    waits = response_times(found, speakers) if len(speakers) > 1 else {}
    return CallAnalytics(
        recording=recordings[0] if recordings else None,
        duration_s=duration / 1000,
        mixed=mixed,
        speech_s=total(speech) / 1000,
        overlap_s=overlap(spoken.values()) / 1000 if several_channels else None,
        silence=silence(speech, duration),
        interruptions=interruptions(found, speakers) if several_channels else None,
        speakers=tuple(
            _speaker(turns, talk_ms, shares.get(speaker), waits.get(speaker), rows, duration)
            for (speaker, turns), talk_ms in zip(speakers.items(), talk, strict=True)
        ),
        angriest_minute=angriest_minute(rows, duration),
    )


def _speaker(
    turns: Sequence[Turn],
    talk_ms: int,
    share: float | None,
    waits: ResponseTimes | None,  # unless nobody else speaks
    rows: Sequence[Turn],
    duration: int,
) -> SpeakerAnalytics:
    """One speaker's metrics, of their own turns; `rows` are everybody's. Of equally long turns, the first counts."""
    longest = max(turns, key=lambda row: row.length_ms)
    start, end = max(union(map(times, turns), STRETCH_GAP_MS), key=lambda span: span[1] - span[0])
    said = [(len((row.transcript or "").split()), row.length_ms) for row in turns]
    words = sum(count for count, _ in said)
    words_ms = sum(length for count, length in said if count)
    emotions = speaker_emotions(turns, duration)
    return SpeakerAnalytics(
        channel=longest.channel,
        speaker=longest.speaker,
        turns=len(turns),
        talk_s=talk_ms / 1000,
        talk_share=share,
        longest_turn=LongestTurn(longest.turn, longest.start_s, longest.end_s),
        longest_stretch=Span(start / 1000, end / 1000),
        words=words or None,
        words_per_minute=words / (words_ms / 60_000) if words_ms else None,
        loudness_dbfs=_loudness_dbfs(turns),
        response_times=waits,
        emotions=emotions,
        replies=replies(rows, speaker_of(longest)) if emotions and waits else None,
    )


def _loudness_dbfs(rows: Sequence[Turn]) -> float | None:
    """Mean power of the turns, weighted by their length, in decibels below full scale."""
    known = [(row.loudness_dbfs, row.length_ms) for row in rows if row.loudness_dbfs is not None]
    length = sum(weight for _, weight in known)
    power = math.fsum(10 ** (level / 10) * weight for level, weight in known)
    return 10 * math.log10(power / length) if length and power else None
