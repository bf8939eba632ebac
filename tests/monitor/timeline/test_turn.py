import math

from hypothesis import given
from hypothesis import strategies as st

from monitor.timeline.turn import COLUMNS, printed_probabilities

DESIGNED = (
    "recording,channel,speaker,turn,start_s,end_s,emotion,confidence,p_angry,p_happy,p_neutral,p_sad,"
    "speech_emotion,text_emotion,bimodal_emotion,transcript,transcript_confidence,loudness_dbfs,dropped_ms,"
    "checkpoint"
)

shares = st.lists(st.floats(1e-6, 1.0), min_size=4, max_size=4).map(
    lambda weights: tuple(weight / math.fsum(weights) for weight in weights)
)


def test_the_columns_are_the_documented_ones():
    assert ",".join(COLUMNS) == DESIGNED


@given(shares)
def test_printed_probabilities_sum_to_exactly_one(probabilities):
    printed = printed_probabilities(probabilities)
    assert sum(round(value * 10_000) for value in printed) == 10_000
    assert all(f"{value:.4f}" == f"{round(value * 10_000) / 10_000:.4f}" for value in printed)


@given(shares)
def test_rounding_moves_no_probability_far_and_keeps_their_order(probabilities):
    printed = printed_probabilities(probabilities)
    for exact, rounded in zip(probabilities, printed, strict=True):
        assert abs(exact - rounded) < 0.0001 + 1e-9
    for i in range(4):
        for j in range(4):
            if probabilities[i] > probabilities[j]:
                assert printed[i] >= printed[j]


def test_what_is_not_known_is_none(turn, surely):
    values = turn(scores=surely("sad"), transcript=None, loudness_dbfs=-math.inf).values()
    assert values["speech_emotion"] == "sad"
    for column in ("text_emotion", "bimodal_emotion", "transcript", "transcript_confidence", "loudness_dbfs"):
        assert values[column] is None
