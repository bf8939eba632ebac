import io
from dataclasses import replace

from rich.cells import cell_len
from rich.console import Console

from monitor.analytics.call import analyse
from monitor.display.summary import alert_line, line, print_analytics, summary_lines
from monitor.timeline.notes import Alert
from monitor.timeline.timeline import Timeline


def test_a_turn_or_an_alert_is_one_line_whatever_it_lacks(turn):
    assert line(turn(start_s=61.0, end_s=65.5)) == '1:01-1:05 customer angry 0.50 "where is it"'
    assert line(turn(scores=None, transcript=None)) == "0:01-0:02 customer not scored"
    assert "\n" not in line(turn(speaker="two\nlines", transcript=None))
    alert = Alert("angry>0.7 for 2 turns", 75.2, 1, "custo\nmer", 4, "angry", 0.825)
    assert alert_line(alert) == "1:15 alert: custo?mer angry 0.82 (angry>0.7 for 2 turns)"


def test_the_totals_are_a_sentence_for_each_speaker(turn, surely):
    timeline = Timeline()
    timeline.add(turn(start_s=0.0, end_s=3.0, scores=surely("sad")))
    timeline.add(turn(start_s=4.0, end_s=5.0, scores=surely("happy")))
    timeline.add(turn(channel=2, speaker="agent", start_s=6.0, end_s=8.0, scores=None))
    timeline.add(turn(start_s=9.0, end_s=12.0, scores=None))  # talk, but no emotion
    assert summary_lines(timeline.snapshot().totals) == [
        "customer: 3 turns, talk time 0:07, sad 75%, happy 25%.",
        "agent: 1 turn, talk time 0:02, not scored.",
    ]
    assert summary_lines(()) == ["No speech was found."]


def shown(rows, width=80):
    console = Console(file=io.StringIO(), width=width)
    print_analytics(console, analyse(rows, 80.0))
    return console.file.getvalue().splitlines()


def test_every_speaker_has_their_metrics_and_emotions_by_quarter(call):
    _, customer, agent, *more = (line.split() for line in shown(call))
    assert customer == ["customer", "69%", "24", "-15", "dBFS", "0:10", "2.0", "s", "0"]
    assert agent == ["agent", "31%", "43", "-22", "dBFS", "0:06", "3.0", "s", "1"]
    quarters = ["N", "neutral", "100%", "N", "neutral", "83%", "A", "angry", "100%", "A", "angry", "100%"]
    assert ["customer", *quarters, "worse"] in more


def test_silence_overlap_and_the_angriest_minute_are_sentences_no_wider_than_the_terminal(call):
    call[-1] = replace(call[-1], transcript="this is \x1b[31moutrageous")
    text = "\n".join(shown(call))
    assert "Nobody speaks for 0:23 (29%), 2 times for over 3 s, the longest 0:10 at 1:10." in text
    assert "Two or more speak at once for 1.0 s." in text
    assert "The angriest minute is 0:10–1:10" in text
    assert "   1:00  customer    this is ?[31moutrageous" in text
    narrow = shown(call, 60)
    assert max(map(cell_len, narrow)) <= 60
    assert any("…" in line for line in narrow)


def test_what_is_not_told_is_a_dash_or_left_out(row):
    lines = shown([row(0.0, 10.0, 1, "neutral", "hello", speaker="mixed")])
    assert lines[1].split() == ["mixed", "-", "6", "-20", "dBFS", "0:10", "-", "-"]
    assert not any("at once" in line or "angriest" in line for line in lines)
    assert not any("quarter" in line for line in shown([row(0.0, 10.0, 2)]))
    assert shown([]) == []
