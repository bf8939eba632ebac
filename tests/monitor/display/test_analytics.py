import pytest
from rich.cells import cell_len

from monitor.analytics.call import analyse
from monitor.display.analytics import analytics_lines
from monitor.timeline.turn import Turn


def spoken(turn, start_s, end_s, channel, emotion=None, said=None, **more):
    probabilities = {"angry": (0.7, 0.1, 0.1, 0.1), "neutral": (0.1, 0.1, 0.7, 0.1), None: None}[emotion]
    usual = {"speaker": {1: "customer", 2: "agent"}[channel], "loudness_dbfs": -20.0}
    return Turn(
        recording="call.wav",
        channel=channel,
        turn=turn,
        start_s=start_s,
        end_s=end_s,
        emotion=emotion,
        confidence=probabilities and 0.7,
        probabilities=probabilities,
        transcript=said,
        **{**usual, **more},
    )


@pytest.fixture
def call():
    return [
        spoken(1, 0.0, 10.0, 1, "neutral", "hello i have a question"),
        spoken(2, 12.0, 18.0, 2, None, "how may i help you today"),
        spoken(3, 20.0, 30.0, 1, "neutral", "it does not work"),
        spoken(4, 29.0, 35.0, 2, None, "have you read the manual"),
        spoken(5, 38.0, 48.0, 1, "angry", "of course i have " * 9),
        spoken(6, 60.0, 70.0, 1, "angry", "this is \x1b[31moutrageous"),
    ]


def shown(rows, width=80):
    return [line.plain for line in analytics_lines(analyse(rows, 80.0), width)]


def test_every_speaker_has_their_figures(call):
    lines = shown(call)
    (customer, _) = (line for line in lines if line.startswith("customer"))
    assert customer.split() == ["customer", "77%", "72", "-20", "dB", "0:10", "2.5", "s", "0"]
    (agent,) = (line for line in lines if line.startswith("agent"))
    assert agent.split() == ["agent", "23%", "55", "-20", "dB", "0:06", "2.0", "s", "1"]


def test_the_emotions_go_by_quarter(call):
    lines = shown(call)
    (_, customer) = (line for line in lines if line.startswith("customer"))
    quarters = ["N", "neutral", "100%", "N", "neutral", "83%", "A", "angry", "100%", "A", "angry", "100%"]
    assert customer.split() == ["customer", *quarters, "worse"]


def test_silence_overlap_and_the_angriest_minute_are_sentences(call):
    text = "\n".join(shown(call))
    assert "Nobody speaks for 0:29 (36%), 2 times for over 3 s, the longest 0:12 at 0:48." in text
    assert "Two or more speak at once for 1.0 s." in text
    assert "The angriest minute is 0:10–1:10" in text
    assert "   1:00  customer    this is ?[31moutrageous" in text


@pytest.mark.parametrize("width", [80, 100])
def test_no_line_is_wider_than_the_terminal(call, width):
    lines = shown(call, width)
    assert max(map(cell_len, lines)) <= width
    assert any(line.endswith("…") for line in lines)


def test_what_a_mixed_recording_does_not_tell_is_a_dash():
    lines = shown([spoken(1, 0.0, 10.0, 1, "neutral", "hello", speaker="mixed")])
    assert lines[1].split() == ["mixed", "-", "6", "-20", "dB", "0:10", "-", "-"]
    assert not any("at once" in line or "angriest" in line for line in lines)


def test_a_call_that_was_not_scored_shows_no_emotions():
    assert not any("quarter" in line for line in shown([spoken(1, 0.0, 10.0, 2)]))
    assert shown([]) == []
