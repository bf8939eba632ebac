import pytest

from monitor.display.palette import Palette
from monitor.display.time_axis import CURVE_HEIGHT, Span, curve, mean_probabilities


def test_shares_are_those_of_the_last_minute(turn, surely):
    turns = [
        turn(start_s=0.0, end_s=10.0, scores=surely("angry")),
        turn(start_s=50.0, end_s=60.0, scores=surely("sad")),
    ]
    assert mean_probabilities(turns, 10.0) == pytest.approx((0.97, 0.01, 0.01, 0.01))
    assert mean_probabilities(turns, 60.0) == pytest.approx((0.49, 0.01, 0.01, 0.49))
    assert mean_probabilities(turns, 65.0) == pytest.approx(((5 * 0.97 + 0.1) / 15, 0.01, 0.01, (9.7 + 0.05) / 15))
    assert mean_probabilities(turns, 121.0) is None


def test_turns_without_scores_and_of_the_future_do_not_count(turn, surely):
    turns = [turn(start_s=0.0, end_s=4.0, scores=None), turn(start_s=5.0, end_s=9.0, scores=surely("sad"))]
    assert mean_probabilities(turns, 4.5) is None


def test_each_emotion_has_a_line_with_its_share(turn, surely):
    lines = curve([turn(start_s=0.0, end_s=4.0, scores=surely("happy"))], Span(0.0, 20.0, 10), 10.0, 11, Palette())
    assert len(lines) == CURVE_HEIGHT
    assert lines[1].plain == "H happy    ██████      97% "
    assert lines[3].plain == "S sad                   1% "


def test_nobody_has_spoken():
    lines = curve([], Span(0.0, 20.0, 10), 10.0, 11, Palette())
    assert [line.plain.split() for line in lines] == [["A", "angry"], ["H", "happy"], ["N", "neutral"], ["S", "sad"]]
