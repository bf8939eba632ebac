"""Turns: their columns, probabilities that sum to 1, where the attention lies; and what a timeline keeps of them."""

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.flow import Transcript, Word
from monitor.timeline.timeline import Timeline
from monitor.timeline.turn import COLUMNS, printed_probabilities, salient_steps

shares = st.lists(st.floats(1e-6, 1.0), min_size=4, max_size=4).map(
    lambda weights: tuple(weight / math.fsum(weights) for weight in weights)
)


def test_the_columns_are_the_documented_ones():
    assert ",".join(COLUMNS) == (
        "recording,channel,speaker,turn,start_s,end_s,emotion,confidence,p_angry,p_happy,p_neutral,p_sad,"
        "speech_emotion,text_emotion,bimodal_emotion,transcript,transcript_confidence,loudness_dbfs,dropped_ms,"
        "checkpoint"
    )


@given(shares)
def test_printed_probabilities_sum_to_one_and_are_near_and_in_order(probabilities):
    printed = printed_probabilities(probabilities)
    assert sum(round(value * 10_000) for value in printed) == 10_000
    for (exact, rounded), (other, other_rounded) in product(zip(probabilities, printed, strict=True), repeat=2):
        assert rounded == round(rounded, 4)
        assert abs(exact - rounded) < 0.0001 + 1e-9
        assert exact <= other or rounded >= other_rounded


@pytest.mark.parametrize(
    ("salience", "stretch"),
    [
        ([0.1, 0.3, 0.3, 0.3], (1, 3)),
        ([0.25, 0.25, 0.25, 0.25], (0, 2)),
        ([0.3, 0.25, 0.05, 0.4], (0, 2)),
        ([0.3, 0.2, 0.0, 0.25, 0.27], (3, 5)),
    ],
)
def test_the_shortest_stretch_with_half_of_the_attention(salience, stretch):
    assert salient_steps(salience) == stretch


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40).filter(any))
def test_no_stretch_that_is_shorter_would_do(weights):
    shares = [weight / sum(weights) for weight in weights]
    first, after = salient_steps(shares)
    assert sum(shares[first:after]) >= 0.5 - 1e-6
    for start in range(len(shares)):
        assert sum(shares[start : start + after - first - 1]) < 0.5


def test_the_span_lies_where_the_turn_lies(turn, explained):
    span = turn(start_s=10.0, end_s=10.35, scores=explained((0.1, 0.1, 0.2, 0.6))).salient_span
    # The last of the steps is only half inside the turn.
    assert span == (pytest.approx(10.3), 10.35)


def test_words_are_salient_if_their_middle_is(turn, explained):
    words = (Word("a", 1.0, 1.19, 1.0), Word("b", 1.15, 1.3, 1.0), Word("c", 1.3, 1.38, 1.0), Word("d", 1.4, 1.5, 1.0))
    one = turn(start_s=1.0, end_s=1.5, scores=explained((0.0, 0.1, 0.5, 0.3, 0.1)), transcript=Transcript(words))
    assert one.salient_span == (pytest.approx(1.2), pytest.approx(1.3))
    assert one.salient_words == {1}
    assert turn(scores=explained((1.0,)), transcript=None).salient_words == frozenset()


def test_turns_are_forgotten_but_not_their_totals(turn, surely):
    timeline, everything, turns = Timeline(100), Timeline(), []
    for n in range(300):
        turns.append(turn(turn=n, start_s=n, end_s=n + 0.5, scores=surely("sad" if n % 4 else "happy")))
        timeline.add(turns[-1])
        everything.add(turns[-1])
    assert timeline.snapshot().turns == tuple(turns[-100:])
    assert timeline.snapshot().totals == everything.snapshot().totals
