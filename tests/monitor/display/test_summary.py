from monitor.display.summary import alert_line, line, summary_lines
from monitor.timeline.notes import Alert
from monitor.timeline.timeline import Timeline


def test_a_turn_is_one_line_whatever_it_lacks(turn):
    assert line(turn(start_s=61.0, end_s=65.5)) == '1:01-1:05 customer angry 0.50 "where is it"'
    assert line(turn(scores=None, transcript=None)) == "0:01-0:02 customer not scored"
    assert "\n" not in line(turn(speaker="two\nlines", transcript=None))


def test_the_totals_are_a_sentence_for_each_speaker(turn, surely):
    turns = [
        turn(start_s=0.0, end_s=3.0, scores=surely("sad")),
        turn(start_s=4.0, end_s=5.0, scores=surely("happy")),
        turn(channel=2, speaker="agent", start_s=6.0, end_s=8.0, scores=None),
        turn(start_s=9.0, end_s=12.0, scores=None),  # talk, but no emotion
    ]
    timeline = Timeline()
    for one in turns:
        timeline.add(one)
    assert summary_lines(timeline.snapshot().totals) == [
        "customer: 3 turns, talk time 0:07, sad 75%, happy 25%.",
        "agent: 1 turn, talk time 0:02, not scored.",
    ]
    assert summary_lines(()) == ["No speech was found."]


def test_an_alert_is_one_line():
    alert = Alert("angry>0.7 for 2 turns", 75.2, 1, "custo\nmer", 4, "angry", 0.825)
    assert alert_line(alert) == "1:15 alert: custo?mer angry 0.82 (angry>0.7 for 2 turns)"
