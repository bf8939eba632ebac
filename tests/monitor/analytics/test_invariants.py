"""What holds of every timeline."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.analytics.call import analyse
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS

milliseconds = st.integers(0, 200_000)
units = st.lists(st.integers(0, 100), min_size=4, max_size=4).filter(any)


@st.composite
def rows(draw):
    start = draw(milliseconds)
    weights = draw(st.none() | units)
    each = {f"p_{label}": one / sum(weights) for label, one in zip(LABELS, weights or (), strict=bool(weights))}
    highest = max(each.values(), default=None)
    channel = draw(st.integers(1, 3))
    return Turn(
        recording="call.wav",
        channel=channel,
        speaker=f"speaker{channel}",
        turn=draw(st.integers(1, 1000)),
        start_s=start / 1000,
        end_s=(start + draw(st.integers(0, 20_000))) / 1000,
        emotion=next((label for label in LABELS if each.get(f"p_{label}") == highest), None) if each else None,
        confidence=highest,
        **each,
        transcript=draw(st.none() | st.text("ab ", max_size=9)) or None,
        loudness_dbfs=draw(st.none() | st.floats(-90, 0)),
    )


timelines = st.lists(rows(), max_size=12)
durations = st.none() | st.integers(0, 300_000).map(lambda duration: duration / 1000)


@given(timelines, durations)
def test_speech_and_silence_make_up_the_recording(timeline, duration_s):
    analytics = analyse(timeline, duration_s)
    assert analytics.speech_s + analytics.silence.total_s == pytest.approx(analytics.duration_s, abs=1e-6)
    assert analytics.silence.long_s <= analytics.silence.total_s
    assert all(span.end_s - span.start_s > 3 for span in analytics.silence.instances)
    assert analytics.duration_s >= (duration_s or 0.0)


@given(timelines)
def test_shares_sum_to_one(timeline):
    speakers = analyse(timeline).speakers
    if any(speaker.talk_s for speaker in speakers):
        assert sum(speaker.talk_share for speaker in speakers) == pytest.approx(1)
    for speaker in speakers:
        if speaker.emotions is not None:
            assert sum(speaker.emotions.shares.values()) == pytest.approx(1)
            for quarter in speaker.emotions.quarters:
                assert (quarter.shares is None) == (quarter.scored_s == 0)
                assert quarter.shares is None or sum(quarter.shares.values()) == pytest.approx(1)
            together = sum(quarter.scored_s for quarter in speaker.emotions.quarters)
            assert together == pytest.approx(speaker.emotions.scored_s)
            assert speaker.emotions.change is None or -1 <= speaker.emotions.change <= 1


@given(timelines)
def test_overlap_of_two_speakers_is_talk_beyond_speech(timeline):
    analytics = analyse([row for row in timeline if row.channel < 3])
    if analytics.overlap_s is not None:
        talk_s = sum(speaker.talk_s for speaker in analytics.speakers)
        assert analytics.overlap_s == pytest.approx(talk_s - analytics.speech_s)


@given(timelines, st.randoms())
def test_the_order_of_the_rows_does_not_matter(timeline, random):
    numbered = [replace(row, turn=number) for number, row in enumerate(timeline, start=1)]
    shuffled = list(numbered)
    random.shuffle(shuffled)
    assert analyse(shuffled) == analyse(numbered)


@given(timelines, durations)
def test_no_minute_is_angrier_than_the_angriest(timeline, duration_s):
    analytics = analyse(timeline, duration_s)
    minute = analytics.angriest_minute
    if minute is None:
        return
    assert 0 <= minute.start_s <= minute.end_s <= analytics.duration_s
    assert minute.end_s - minute.start_s == pytest.approx(min(60, analytics.duration_s))
    latest_s = max(0.0, analytics.duration_s - 60)
    for step in range(101):
        assert angry_s(timeline, latest_s * step / 100) <= minute.angry_s + 0.01 * len(timeline)


def angry_s(timeline, start_s):
    return sum(
        row.probabilities[0] * max(0.0, min(row.end_s, start_s + 60) - max(row.start_s, start_s))
        for row in timeline
        if row.probabilities is not None
    )
