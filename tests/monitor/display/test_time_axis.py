import pytest

from monitor.display.palette import block
from monitor.display.time_axis import CURVE_HEIGHT, Span, axis, curve, mean_probabilities, turn_blocks


def test_a_turn_lies_where_it_was_spoken_with_its_emotions_colour_and_letter(turn, surely):
    span = Span(0.0, 20.0, 20)
    text = turn_blocks([turn(start_s=5.0, end_s=8.5, scores=surely("angry"))], span, 20.0)
    assert text.plain == "─────A   ───────────"
    assert {one.style for one in text.spans if 5 <= one.start < 9} == {block("angry")}


def test_neighbours_keep_their_own_letters(turn, surely):
    turns = [
        turn(turn=1, start_s=0.0, end_s=4.0, scores=surely("happy")),
        turn(turn=2, start_s=4.0, end_s=8.0, scores=surely("happy")),
    ]
    assert turn_blocks(turns, Span(0.0, 8.0, 8), 8.0).plain == "H   H   "


def test_where_turns_share_a_cell_the_longest_in_it_shows(turn, surely):
    turns = [
        turn(turn=1, start_s=0.0, end_s=1.0, scores=surely("happy")),
        turn(turn=2, start_s=1.5, end_s=7.0, scores=surely("sad")),
        turn(turn=3, start_s=7.5, end_s=8.0, scores=surely("angry")),
    ]
    assert turn_blocks(turns, Span(0.0, 100.0, 10), 100.0).plain == "S─────────"


def test_nothing_is_drawn_after_what_has_been_heard():
    assert turn_blocks([], Span(0.0, 10.0, 10), 4.5).plain == "─────     "
    assert turn_blocks([], Span(0.0, 10.0, 10), 0.0).plain == " " * 10


def test_a_turn_without_scores_shows_no_letter_and_one_outside_the_span_nothing(turn):
    assert turn_blocks([turn(start_s=2.0, end_s=5.0, scores=None)], Span(0.0, 8.0, 8), 8.0).plain == "──━━━───"
    turns = [turn(start_s=0.0, end_s=9.0), turn(start_s=40.0, end_s=50.0)]
    assert turn_blocks(turns, Span(10.0, 40.0, 6), 40.0).plain == "──────"


@pytest.mark.parametrize("duration_s", [0.4, 3.0, 59.0, 277.0, 3600.0, 86_400.0, 400_000.0])
@pytest.mark.parametrize("width", [1, 20, 69, 300])
def test_the_axis_fits_and_its_labels_do_not_touch(duration_s, width):
    text = axis(Span(0.0, duration_s, width)).plain
    assert len(text) == width
    labels = text.split()
    assert len(set(labels)) == len(labels)
    assert width < 20 or labels[0] == "0:00"


def test_axis_labels_stand_above_their_times():
    span = Span(0.0, 120.0, 120)
    assert axis(span).plain.index("1:00") == span.cell(60.0) == 60


def test_the_curve_is_the_mean_of_the_last_minute(turn, surely):
    turns = [
        turn(start_s=0.0, end_s=10.0, scores=surely("angry")),
        turn(start_s=20.0, end_s=30.0, scores=None),
        turn(start_s=50.0, end_s=60.0, scores=surely("sad")),
    ]
    assert mean_probabilities(turns, 10.0) == pytest.approx((0.97, 0.01, 0.01, 0.01))
    assert mean_probabilities(turns, 60.0) == pytest.approx((0.49, 0.01, 0.01, 0.49))
    assert mean_probabilities(turns, 65.0) == pytest.approx(((5 * 0.97 + 0.1) / 15, 0.01, 0.01, (9.7 + 0.05) / 15))
    assert mean_probabilities(turns[1:], 50.0) is mean_probabilities(turns, 121.0) is None


def test_each_emotion_has_a_line_with_its_share(turn, surely):
    lines = curve([turn(start_s=0.0, end_s=4.0, scores=surely("happy"))], Span(0.0, 20.0, 10), 10.0, 11)
    assert len(lines) == CURVE_HEIGHT
    assert lines[1].plain == "H happy    ██████      97% "
    assert lines[3].plain == "S sad                   1% "
    nobody = curve([], Span(0.0, 20.0, 10), 10.0, 11)
    assert [line.plain.split() for line in nobody] == [["A", "angry"], ["H", "happy"], ["N", "neutral"], ["S", "sad"]]
