import math
from itertools import product

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
def test_printed_probabilities_sum_to_one_and_are_near_and_in_order(probabilities):
    printed = printed_probabilities(probabilities)
    assert sum(round(value * 10_000) for value in printed) == 10_000
    for (exact, rounded), (other, other_rounded) in product(zip(probabilities, printed, strict=True), repeat=2):
        assert rounded == round(rounded, 4)
        assert abs(exact - rounded) < 0.0001 + 1e-9
        assert exact <= other or rounded >= other_rounded
