import io
from dataclasses import replace

from rich.cells import cell_len
from rich.console import Console

from monitor.analytics.call import analyse
from monitor.display.analytics import print_analytics


def shown(rows, width=80):
    console = Console(file=io.StringIO(), width=width)
    print_analytics(console, analyse(rows, 80.0))
    return console.file.getvalue().splitlines()


def test_every_speaker_has_their_metrics(call):
    customer, agent = (line.split() for line in shown(call)[1:3])
    assert customer == ["customer", "69%", "24", "-15", "dB", "0:10", "2.0", "s", "0"]
    assert agent == ["agent", "31%", "43", "-22", "dB", "0:06", "3.0", "s", "1"]


def test_the_emotions_go_by_quarter(call):
    (_, customer) = (line for line in shown(call) if line.startswith("customer"))
    quarters = ["N", "neutral", "100%", "N", "neutral", "83%", "A", "angry", "100%", "A", "angry", "100%"]
    assert customer.split() == ["customer", *quarters, "worse"]


def test_silence_overlap_and_the_angriest_minute_are_sentences(call):
    call[-1] = replace(call[-1], transcript="this is \x1b[31moutrageous")
    text = "\n".join(shown(call))
    assert "Nobody speaks for 0:23 (29%), 2 times for over 3 s, the longest 0:10 at 1:10." in text
    assert "Two or more speak at once for 1.0 s." in text
    assert "The angriest minute is 0:10–1:10" in text
    assert "   1:00  customer    this is ?[31moutrageous" in text


def test_no_line_is_wider_than_the_terminal(call):
    lines = shown(call, 60)
    assert max(map(cell_len, lines)) <= 60
    assert any("…" in line for line in lines)


def test_what_is_not_told_is_a_dash_or_left_out(row):
    lines = shown([row(0.0, 10.0, 1, "neutral", "hello", speaker="mixed")])
    assert lines[1].split() == ["mixed", "-", "6", "-20", "dB", "0:10", "-", "-"]
    assert not any("at once" in line or "angriest" in line for line in lines)
    assert not any("quarter" in line for line in shown([row(0.0, 10.0, 2)]))
    assert shown([]) == []
