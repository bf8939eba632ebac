"""Puts the analytics of a call together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from monitor.analytics.anger import angriest_minute
from monitor.analytics.conversation import interruptions, response_times, silence
from monitor.analytics.emotions import replies, speaker_emotions
from monitor.analytics.results import CallAnalytics, ResponseTimes, SpeakerAnalytics
from monitor.analytics.spans import Speaker, overlap, speaker_of, stretches, times, total, union
from monitor.analytics.speech import longest_stretch, longest_turn, loudness_dbfs, words, words_per_minute
from monitor.roles import MIXED
from monitor.timeline.turn import Turn, printed_probabilities
from stser_core.errors import DataError


def analyse(rows: Iterable[Turn], duration_s: float | None = None) -> CallAnalytics:
    """Make the figures of one call; docs/analytics.md defines each.

    Args:
        rows: The turns of one recording, in any order: from `read_timeline`, or from `row_of` for each `Turn`.
        duration_s: Length of the recording in seconds. Without it, or where it is shorter than the turns, the
            recording is taken to end with its last turn.

    Raises:
        DataError: The rows are of more than one recording.
    """
    rows = sorted(rows, key=lambda row: (*times(row), row.turn))
    recordings = sorted({row.recording for row in rows})
    if len(recordings) > 1:
        raise DataError(
            f"A call is one recording, but the timeline holds {len(recordings)} ({recordings[0]!r}, "
            f"{recordings[1]!r}, …); give one timeline for each."
        )
    duration = max([round((duration_s or 0.0) * 1000), *(row.end_ms for row in rows)])
    lanes: dict[Speaker, list[Turn]] = {}
    for row in rows:
        lanes.setdefault(speaker_of(row), []).append(row)
    order = sorted(lanes)
    found = stretches(rows)
    speech = union(map(times, rows))
    # On one channel, one utterance follows another: whether two people spoke at once cannot be told.
    apart = len({row.channel for row in rows}) > 1
    waits = response_times(found, order) if len(lanes) > 1 else {}
    return CallAnalytics(
        recording=recordings[0] if recordings else None,
        duration_s=duration / 1000,
        mixed=_mixed(rows),
        speech_s=total(speech) / 1000,
        overlap_s=overlap(union(map(times, lane)) for lane in lanes.values()) / 1000 if apart else None,
        silence=silence(speech, duration),
        interruptions=interruptions(found, order) if apart else None,
        speakers=_speakers(rows, {speaker: lanes[speaker] for speaker in order}, waits, duration),
        angriest_minute=angriest_minute(rows, duration),
    )


def _mixed(rows: Iterable[Turn]) -> bool:
    return any(row.speaker == MIXED for row in rows)


def _speakers(
    rows: Sequence[Turn],
    lanes: Mapping[Speaker, Sequence[Turn]],
    waits: Mapping[Speaker, ResponseTimes],
    duration: int,
) -> tuple[SpeakerAnalytics, ...]:
    talk = {speaker: total(union(map(times, lane))) for speaker, lane in lanes.items()}
    shares = {} if _mixed(rows) else _shares(talk)
    return tuple(
        SpeakerAnalytics(
            channel=speaker[0],
            speaker=speaker[1],
            turns=len(lane),
            talk_s=talk[speaker] / 1000,
            talk_share=shares.get(speaker),
            longest_turn=longest_turn(lane),
            longest_stretch=longest_stretch(lane),
            words=words(lane),
            words_per_minute=words_per_minute(lane),
            loudness_dbfs=loudness_dbfs(lane),
            response_times=waits.get(speaker),
            emotions=(emotions := speaker_emotions(lane, duration)),
            replies=replies(rows, speaker) if emotions and len(lanes) > 1 else None,
        )
        for speaker, lane in lanes.items()
    )


def _shares(talk: Mapping[Speaker, int]) -> Mapping[Speaker, float]:
    """Each speaker's share of the talk time, in four decimals that sum to 1; nothing where nobody has any."""
    return dict(zip(talk, printed_probabilities(list(talk.values())), strict=True)) if any(talk.values()) else {}
