import pytest

from monitor.display.palette import Palette
from monitor.display.time_axis import Span, axis, turn_blocks

PLAIN = Palette(colour=False)


def test_a_turn_lies_where_it_was_spoken(turn, surely):
    span = Span(0.0, 20.0, 20)
    text = turn_blocks([turn(start_s=5.0, end_s=8.5, scores=surely("angry"))], span, 20.0, PLAIN)
    assert text.plain == "─────A━━━───────────"


def test_a_turn_has_its_emotions_colour_and_letter(turn, surely):
    palette = Palette()
    text = turn_blocks([turn(start_s=0.0, end_s=4.0, scores=surely("sad"))], Span(0.0, 4.0, 4), 4.0, palette)
    assert text.plain == "S   "
    assert {span.style for span in text.spans} == {palette.block("sad")}


def test_neighbours_keep_their_own_letters(turn, surely):
    turns = [
        turn(turn=1, start_s=0.0, end_s=4.0, scores=surely("happy")),
        turn(turn=2, start_s=4.0, end_s=8.0, scores=surely("happy")),
    ]
    assert turn_blocks(turns, Span(0.0, 8.0, 8), 8.0, PLAIN).plain == "H━━━H━━━"


def test_where_turns_share_a_cell_the_longest_in_it_shows(turn, surely):
    turns = [
        turn(turn=1, start_s=0.0, end_s=1.0, scores=surely("happy")),
        turn(turn=2, start_s=1.5, end_s=7.0, scores=surely("sad")),
        turn(turn=3, start_s=7.5, end_s=8.0, scores=surely("angry")),
    ]
    assert turn_blocks(turns, Span(0.0, 100.0, 10), 100.0, PLAIN).plain == "S─────────"


def test_nothing_is_drawn_after_what_has_been_heard():
    assert turn_blocks([], Span(0.0, 10.0, 10), 4.5, PLAIN).plain == "─────     "
    assert turn_blocks([], Span(0.0, 10.0, 10), 0.0, PLAIN).plain == " " * 10


def test_a_turn_without_scores_shows_no_letter(turn):
    text = turn_blocks([turn(start_s=2.0, end_s=5.0, scores=None)], Span(0.0, 8.0, 8), 8.0, Palette(unicode=False))
    assert text.plain == "--...---"


def test_turns_outside_the_span_are_left_out(turn):
    turns = [turn(start_s=0.0, end_s=9.0), turn(start_s=40.0, end_s=50.0)]
    assert turn_blocks(turns, Span(10.0, 40.0, 6), 40.0, PLAIN).plain == "──────"


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
    text = axis(span).plain
    assert text.index("1:00") == span.cell(60.0) == 60
