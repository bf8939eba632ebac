from rich.cells import cell_len

from monitor.display.turns import attention, latest
from monitor.flow import Transcript, Word


def underlined(line):
    return "".join(line.plain[span.start : span.end] for span in line.spans if getattr(span.style, "underline", False))


def test_the_salient_stretch_is_underlined_and_timed(turn, explained):
    line = attention(turn(start_s=61.0, end_s=61.4, scores=explained((0.1, 0.1, 0.4, 0.4))), 80)
    assert line.plain.split()[0] == "▂▂██"
    assert underlined(line) == "██"
    assert line.plain.endswith(("1:01.2–1:01.4", "1:01.2–1:01.3"))


def test_what_is_not_known_is_blank(turn):
    assert attention(turn(), 80).plain == ""


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
