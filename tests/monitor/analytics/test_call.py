import json
import math

import pytest

from monitor.analytics.call import analyse
from monitor.analytics.results import (
    Interruption,
    Interruptions,
    InterruptionsBy,
    LongestTurn,
    Quarter,
    Replies,
    ResponseTimes,
    Silence,
    Span,
    to_json,
)
from monitor.exporters.captions import as_rttm
from monitor.timeline.timeline import Timeline
from stser_core.errors import DataError


@pytest.fixture
def analytics(call):
    return analyse(call, 80.0)


@pytest.fixture
def customer(analytics):
    return analytics.speakers[0]


@pytest.fixture
def agent(analytics):
    return analytics.speakers[1]


def test_what_all_did_in_a_known_call(analytics):
    assert (analytics.recording, analytics.duration_s, analytics.mixed) == ("call.wav", 80.0, False)
    assert (analytics.speech_s, analytics.overlap_s) == (57.0, 1.0)
    long = (Span(48.0, 52.0), Span(70.0, 80.0))
    assert analytics.silence == Silence(total_s=23.0, share=23 / 80, long_s=14.0, instances=long)
    once = Interruption(29.0, 30.0, 4, 1, "customer")
    by = (InterruptionsBy(1, "customer", 0, 0.0, ()), InterruptionsBy(2, "agent", 1, 1.0, (once,)))
    assert analytics.interruptions == Interruptions(1, 1.0, by)
    minute = analytics.angriest_minute
    assert (minute.start_s, minute.end_s, minute.angry_s, minute.anger) == (10.0, 70.0, 15.0, 0.5)
    assert [turn.turn for turn in minute.turns] == [2, 3, 4, 5, 6, 7]
    assert minute.turns[-1].transcript == "this is outrageous"


def test_what_each_did_in_a_known_call(customer, agent):
    assert (customer.channel, customer.speaker, customer.turns, customer.talk_s) == (1, "customer", 4, 40.0)
    assert (agent.channel, agent.speaker, agent.turns, agent.talk_s) == (2, "agent", 3, 18.0)
    assert (customer.talk_share, agent.talk_share) == (0.6897, 0.3103)
    assert customer.longest_turn == LongestTurn(1, 0.0, 10.0)  # the first of equals
    assert agent.longest_stretch == Span(12.0, 18.0)
    assert agent.words_per_minute == pytest.approx(13 / 18 * 60)
    assert customer.loudness_dbfs == pytest.approx(10 * math.log10((3 * 0.01 + 0.1) / 4))  # a mean of power
    assert customer.response_times == ResponseTimes(3, 2.0, 7 / 3, 3.0)
    assert agent.response_times == ResponseTimes(2, 3.0, 3.0, 4.0)
    assert customer.replies == (Replies(2, "agent", None, 3, {"angry": 2, "happy": 0, "neutral": 1, "sad": 0}),)
    assert agent.emotions is agent.replies is None


def test_a_silence_of_exactly_three_seconds_is_not_long(row):
    assert analyse([row(0, 1), row(4, 5)]).silence.instances == ()
    assert analyse([row(0, 1), row(4.001, 5)]).silence.instances == (Span(1.0, 4.001),)


def test_shares_of_three_who_talk_alike_are_printed_to_sum_to_one(row):
    speakers = json.loads(to_json(analyse([row(0, 1, 1), row(1, 2, 2), row(2, 3, 3)])))["speakers"]
    assert [speaker["talk_share"] for speaker in speakers] == [0.3334, 0.3333, 0.3333]


def test_a_turn_cut_in_pieces_is_one_stretch(row):
    (speaker,) = analyse([row(0, 15), row(15, 29), row(29.4, 31), row(31.5, 40)]).speakers
    assert speaker.longest_turn == LongestTurn(1, 0.0, 15.0)
    assert speaker.longest_stretch == Span(0.0, 31.0)


def test_words_per_minute_count_only_turns_with_words(row):
    (speaker,) = analyse([row(0, 6, said="one two three"), row(10, 30), row(40, 44, said="four  five")]).speakers
    assert speaker.words == 5
    assert speaker.words_per_minute == 30.0
    (silent,) = analyse([row(0, 6, loudness_dbfs=None)]).speakers
    assert (silent.words, silent.words_per_minute, silent.loudness_dbfs) == (None, None, None)


def test_music_is_nobody_s_talk(row):
    rows = [row(0, 6, said="one two three"), row(10, 70, said="[music]"), row(10, 70, 2, said="[music]")]
    call = analyse([rows[0], *(each.without_words() for each in rows[1:])], 80.0)
    (speaker,) = call.speakers
    assert (speaker.turns, speaker.words, speaker.talk_s, call.duration_s) == (1, 3, 6.0, 80.0)
    assert (call.speech_s, call.silence.total_s) == (6.0, 74.0)

    timeline = Timeline()
    for each in rows:
        timeline.add(each)
    (totals,) = timeline.snapshot().totals
    assert (totals.speaker, totals.turns, totals.talk_s) == ("customer", 1, 6.0)
    assert as_rttm(rows) == as_rttm(rows[:1])


@pytest.mark.parametrize(
    ("second", "counted"),
    [((9.5, 12.0), 1), ((9.501, 12.0), 0), ((4.0, 4.9), 0), ((4.0, 5.0), 1), ((0.0, 12.0), 0), ((9.2, 10.0), 1)],
    ids=["half a second", "less", "a listener's yes", "a second inside", "begin together", "end together"],
)
def test_what_counts_as_an_interruption(row, second, counted):
    assert analyse([row(0, 10, 1), row(*second, 2)]).interruptions.count == counted


def test_a_turn_cut_in_pieces_interrupts_nobody(row):
    interruptions = analyse([row(0, 15, 1), row(14, 18, 2), row(15, 20, 1)]).interruptions
    assert [(by.speaker, by.count) for by in interruptions.by_interrupter] == [("customer", 0), ("agent", 1)]


def test_of_three_speakers_the_one_who_speaks_longest_is_interrupted(row):
    interruptions = analyse([row(0, 10, 1), row(1, 20, 2), row(5, 9, 3)]).interruptions
    assert [by.count for by in interruptions.by_interrupter] == [0, 1, 1]
    assert interruptions.by_interrupter[2].instances[0].interrupted == "agent"


def test_going_on_after_a_pause_is_not_a_response(row):
    customer, agent = analyse([row(0, 10, 1), row(20, 30, 1), row(35, 40, 2)]).speakers
    assert customer.response_times == ResponseTimes(0, None, None, None)
    assert agent.response_times == ResponseTimes(1, 5.0, 5.0, 5.0)


def test_emotions_by_talk_time_and_quarter(customer):
    emotions = customer.emotions
    assert (emotions.scored_s, emotions.first, emotions.last) == (40.0, "neutral", "angry")
    assert (emotions.trend, emotions.change) == ("worse", 0.6)
    assert emotions.shares == {"angry": 0.5, "happy": 0.0, "neutral": 0.5, "sad": 0.0}
    neutral = {"angry": 0.0, "happy": 0.0, "neutral": 1.0, "sad": 0.0}
    assert emotions.quarters == (
        Quarter(0.0, 20.0, 10.0, neutral),
        Quarter(20.0, 40.0, 12.0, {"angry": 0.1667, "happy": 0.0, "neutral": 0.8333, "sad": 0.0}),
        Quarter(40.0, 60.0, 8.0, {"angry": 1.0, "happy": 0.0, "neutral": 0.0, "sad": 0.0}),
        Quarter(60.0, 80.0, 10.0, {"angry": 1.0, "happy": 0.0, "neutral": 0.0, "sad": 0.0}),
    )


@pytest.mark.parametrize(
    ("emotions", "trend", "change"),
    [
        (["sad", "happy"], "better", -0.6),
        (["angry", "sad"], "steady", 0.0),
        (["happy", "neutral"], "steady", 0.0),
        (["happy", "sad", "happy"], "steady", 0.0),
        (["angry"], None, None),
    ],
)
def test_the_trend_compares_the_halves_of_the_scored_talk_time(row, emotions, trend, change):
    rows = [row(10.0 * number, 10.0 * number + 4, 1, emotion) for number, emotion in enumerate(emotions)]
    (speaker,) = analyse(rows).speakers
    assert (speaker.emotions.trend, speaker.emotions.change) == (trend, change)


def test_replies_are_told_apart_by_the_others_emotion(row):
    spoken = [(1, "angry"), (2, "sad"), (1, "happy"), (2, "sad"), (2, "angry")]
    rows = [row(2 * place, 2 * place + 1, *one) for place, one in enumerate(spoken)]
    customer, agent = analyse(rows).speakers
    assert [(reply.to_emotion, reply.turns) for reply in agent.replies] == [("angry", 1), ("happy", 1)]
    assert [(reply.to_emotion, reply.emotions["happy"]) for reply in customer.replies] == [("sad", 1)]


def test_a_call_shorter_than_a_minute_is_its_own_angriest(row):
    minute = analyse([row(1, 2, 1, "happy")], 10.0).angriest_minute
    assert (minute.start_s, minute.end_s, minute.anger, minute.angry_s) == (0.0, 10.0, 0.1, 0.1)


def test_a_mixed_recording_tells_nothing_apart(row):
    analytics = analyse([row(0, 10, 1, "angry", "hello", speaker="mixed"), row(12, 20, 1, "sad", speaker="mixed")])
    assert analytics.mixed
    assert (analytics.overlap_s, analytics.interruptions) == (None, None)
    (mixed,) = analytics.speakers
    assert (mixed.talk_share, mixed.response_times, mixed.replies) == (None, None, None)
    assert mixed.emotions.shares["angry"] == pytest.approx(10 / 18, abs=1e-4)
    assert mixed.words_per_minute == 6.0


def test_speakers_told_apart_on_one_channel_cannot_be_heard_at_once(row):
    analytics = analyse([row(0, 10, 1), row(12, 20, 1, speaker="agent")])
    assert (analytics.overlap_s, analytics.interruptions) == (None, None)
    assert [speaker.response_times.count for speaker in analytics.speakers] == [1, 0]


def test_nobody_speaks():
    analytics = analyse([], 10.0)
    assert analytics.speakers == ()
    assert analytics.silence == Silence(10.0, 1.0, 10.0, (Span(0.0, 10.0),))
    assert analyse([]).silence.share is None


def test_two_recordings_are_not_one_call(row):
    with pytest.raises(DataError, match=r"holds 2 \('a.wav', 'b.wav', …\)"):
        analyse([row(0, 1, recording="a.wav"), row(0, 1, recording="b.wav")])


def test_json_has_the_same_keys_and_a_file_name_that_is_not_utf8_as_visible_escapes(row):
    metrics = json.loads(
        to_json(analyse([row(0, 1, recording="caf\udce9.wav"), row(2, 2.33333, 2, recording="caf\udce9.wav")]))
    )
    assert metrics["recording"] == r"caf\udce9.wav"
    assert metrics["interruptions"]["by_interrupter"][1]["speaker"] == metrics["speakers"][1]["speaker"] == "agent"
    assert metrics["speakers"][1]["talk_s"] == 0.333
