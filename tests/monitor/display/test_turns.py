import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from monitor.display.palette import bar, block, fitted, printable
from monitor.display.time_axis import CURVE_HEIGHT, Span, axis, curve, mean_probabilities, turn_blocks
from monitor.display.turns import attention, latest
from monitor.flow import Transcript, Word


@given(st.text(st.characters(exclude_categories=["C"]), max_size=30), st.integers(1, 20))
def test_a_fitted_text_has_exactly_the_width(text, width):
    assert cell_len(fitted(printable(text), width)) == width


@pytest.mark.parametrize(
    ("share", "shown"), [(0.0, ""), (0.5, "█" * 10), (1.0, "█" * 20), (0.001, ""), (0.25 + 1 / 160, "█████▏")]
)
def test_a_bar_is_as_long_as_its_share_to_an_eighth_of_a_cell(share, shown):
    assert bar(share, 20) == shown


def underlined(line):
    return "".join(line.plain[span.start : span.end] for span in line.spans if getattr(span.style, "underline", False))


def test_the_salient_stretch_is_underlined_and_timed(turn, explained):
    line = attention(turn(start_s=61.0, end_s=61.4, scores=explained((0.1, 0.1, 0.4, 0.4))), 80)
    assert line.plain.split()[0] == "▂▂██"
    assert underlined(line) == "██"
    assert line.plain.endswith(("1:01.2–1:01.4", "1:01.2–1:01.3"))
    assert attention(turn(), 80).plain == ""  # not known


def test_salient_words_stand_out(turn, explained):
    words = Transcript((Word("well", 1.0, 1.1, 1.0), Word("go", 1.2, 1.3, 1.0), Word("away", 1.3, 1.4, 1.0)))
    one = turn(start_s=1.0, end_s=1.5, scores=explained((0.1, 0.1, 0.4, 0.4, 0.0)), transcript=words)
    said = latest([one], 80, explain=True)[-1]
    assert said.plain.strip() == "“well go away”"
    assert underlined(said) in ("go away", "go")


def test_salient_words_at_the_end_of_a_long_turn_can_be_seen(turn, explained):
    many = tuple(Word(f"word{n}", 1 + n / 10, 1.1 + n / 10, 1.0) for n in range(40))
    one = turn(start_s=1.0, end_s=5.0, scores=explained((0.01,) * 37 + (0.21, 0.21, 0.21)), transcript=Transcript(many))
    said = latest([one], 60, explain=True)[-1]
    assert cell_len(said.plain) <= 60
    assert said.plain.startswith(" “…")
    assert "word39" in said.plain


def test_a_turn_lies_where_it_was_spoken_with_its_emotions_colour_and_letter(turn, surely):
    span = Span(0.0, 20.0, 20)
    text = turn_blocks([turn(start_s=5.0, end_s=8.5, scores=surely("angry"))], span, 20.0)
    assert text.plain == "─────A   ───────────"
    assert {one.style for one in text.spans if 5 <= one.start < 9} == {block("angry")}


@pytest.mark.parametrize(
    ("turns", "span", "heard_s", "drawn"),
    [
        ([(0, 4, "happy"), (4, 8, "happy")], Span(0.0, 8.0, 8), 8.0, "H   H   "),
        ([(0, 1, "happy"), (1.5, 7, "sad"), (7.5, 8, "angry")], Span(0.0, 100.0, 10), 100.0, "S─────────"),
        ([(2, 5, None)], Span(0.0, 8.0, 8), 8.0, "──━━━───"),
        ([(0, 9, "angry"), (40, 50, "angry")], Span(10.0, 40.0, 6), 40.0, "──────"),
        ([], Span(0.0, 10.0, 10), 4.5, "─────     "),
        ([], Span(0.0, 10.0, 10), 0.0, " " * 10),
    ],
    ids=["neighbours", "the longest in a cell", "not scored", "outside", "not heard yet", "nothing heard"],
)
def test_blocks_of_turns(turn, surely, turns, span, heard_s, drawn):
    made = [turn(start_s=start_s, end_s=end_s, scores=one and surely(one)) for start_s, end_s, one in turns]
    assert turn_blocks(made, span, heard_s).plain == drawn


@pytest.mark.parametrize("duration_s", [0.4, 3.0, 59.0, 277.0, 3600.0, 86_400.0, 400_000.0])
@pytest.mark.parametrize("width", [1, 20, 69, 300])
def test_the_axis_fits_and_its_labels_do_not_touch(duration_s, width):
    text = axis(Span(0.0, duration_s, width)).plain
    assert len(text) == width
    labels = text.split()
    assert len(set(labels)) == len(labels)
    assert width < 20 or labels[0] == "0:00"
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
