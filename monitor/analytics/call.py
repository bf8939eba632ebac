"""Computes the analytics of a call."""

import math
from collections.abc import Iterable, Mapping, Sequence

from monitor.analytics.conversation import interruptions, response_times, silence
from monitor.analytics.emotions import angriest_minute, replies, speaker_emotions
from monitor.analytics.results import CallAnalytics, LongestTurn, ResponseTimes, Span, SpeakerAnalytics
from monitor.analytics.spans import STRETCH_GAP_MS, Speaker, overlap, speaker_of, stretches, times, total, union
from monitor.roles import MIXED
from monitor.timeline.turn import MUSIC, Turn, printed_probabilities
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
    rows = [row for row in rows if row.transcript != MUSIC]
    speakers: dict[Speaker, list[Turn]] = {speaker: [] for speaker in sorted(set(map(speaker_of, rows)))}
    for row in rows:
        speakers[speaker_of(row)].append(row)
    found = stretches(speakers)
    speech = union(map(times, rows))
    # On one channel utterances follow each other, so overlaps are unknown.
    several_channels = len({row.channel for row in rows}) > 1
    waits = response_times(found, speakers) if len(speakers) > 1 else {}
    mixed = any(row.speaker == MIXED for row in rows)
    return CallAnalytics(
        recording=recordings[0] if recordings else None,
        duration_s=duration / 1000,
        mixed=mixed,
        speech_s=total(speech) / 1000,
        overlap_s=overlap(union(map(times, turns)) for turns in speakers.values()) / 1000 if several_channels else None,
        silence=silence(speech, duration),
        interruptions=interruptions(found, speakers) if several_channels else None,
        speakers=_speakers(rows, speakers, waits, duration, mixed=mixed),
        angriest_minute=angriest_minute(rows, duration),
    )


def _speakers(
    rows: Sequence[Turn],
    by_speaker: Mapping[Speaker, Sequence[Turn]],
    waits: Mapping[Speaker, ResponseTimes],
    duration: int,
    *,
    mixed: bool,
) -> tuple[SpeakerAnalytics, ...]:
    talk = {speaker: total(union(map(times, turns))) for speaker, turns in by_speaker.items()}
    shares: Mapping[Speaker, float] = {}
    if any(talk.values()) and not mixed:  # in four decimals that sum to 1
        shares = dict(zip(talk, printed_probabilities(list(talk.values())), strict=True))
    return tuple(
        SpeakerAnalytics(
            channel=speaker[0],
            speaker=speaker[1],
            turns=len(turns),
            talk_s=talk[speaker] / 1000,
            talk_share=shares.get(speaker),
            longest_turn=longest_turn(turns),
            longest_stretch=longest_stretch(turns),
            words=words(turns),
            words_per_minute=words_per_minute(turns),
            loudness_dbfs=loudness_dbfs(turns),
            response_times=waits.get(speaker),
            emotions=(emotions := speaker_emotions(turns, duration)),
            replies=replies(rows, speaker) if emotions and len(by_speaker) > 1 else None,
        )
        for speaker, turns in by_speaker.items()
    )


def words(rows: Sequence[Turn]) -> int | None:
    """Number of transcribed words, or `None` where no turn has any."""
    counts = [len(row.transcript.split()) for row in rows if row.transcript is not None]
    return sum(counts) or None


def words_per_minute(rows: Sequence[Turn]) -> float | None:
    """Words by the length of the turns that have words, or `None` where there is none."""
    spoken = [row for row in rows if row.transcript is not None and row.transcript.split()]
    length = sum(row.length_ms for row in spoken)
    return (words(spoken) or 0) / (length / 60_000) if length else None


def loudness_dbfs(rows: Sequence[Turn]) -> float | None:
    """Mean power of the turns, weighted by their length, in decibels below full scale."""
    known = [(row.loudness_dbfs, row.length_ms) for row in rows if row.loudness_dbfs is not None]
    length = sum(weight for _, weight in known)
    power = math.fsum(10 ** (level / 10) * weight for level, weight in known)
    return 10 * math.log10(power / length) if length and power else None


def longest_turn(rows: Sequence[Turn]) -> LongestTurn:
    """The longest turn; of several, the first."""
    row = max(rows, key=lambda row: row.length_ms)
    return LongestTurn(row.turn, row.start_s, row.end_s)


def longest_stretch(rows: Sequence[Turn]) -> Span:
    """The longest stretch; of several, the first."""
    start, end = max(union(map(times, rows), STRETCH_GAP_MS), key=lambda span: span[1] - span[0])
    return Span(start / 1000, end / 1000)
