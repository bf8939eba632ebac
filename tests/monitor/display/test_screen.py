import io
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from monitor.display.screen import Session, Snapshot, finished, print_finished, running, running_screen
from monitor.flow import ChannelNow, Transcript, Word
from monitor.timeline.notes import Alert, Mark
from monitor.timeline.timeline import Timeline
from stser_core.scores import EmotionScores

LIVE = Session("USB Microphone", ("customer", "agent"), "compact", "vosk (small)", live=True, keys=True)
REPLAY = Session("call.wav", ("customer", "agent"), "compact (ensemble)", "vosk (small)", duration_s=300.0)
LONG = Transcript((Word("무슨 말씀이신지 잘 모르겠습니다 " * 8 + "where is my car", 0.0, 1.0, 0.9),))
SAD = EmotionScores({"speech": (0.1, 0.1, 0.2, 0.6)}, (0.1, 0.1, 0.2, 0.6), (0.2, 0.5, 0.3))
ALERT = Alert("angry>0.7 for 2 turns", 300.0, 1, "customer", 58, "angry", 0.83)


@pytest.fixture
def call(turn, surely):
    """Five minutes of talk; the agent is not scored."""
    timeline = Timeline()
    for number in range(60):
        emotion = ("angry", "sad", "neutral", "happy")[number // 2 % 4]
        common = {"turn": number + 1, "start_s": 5.0 * number, "end_s": 5.0 * number + 4.0}
        if number % 2:
            timeline.add(turn(channel=2, speaker="agent", scores=None, transcript=LONG, **common))
        else:
            timeline.add(turn(scores=replace(surely(emotion), salience=(0.25,) * 4), **common))
    return Snapshot(timeline.snapshot(), 300.0)


@pytest.fixture
def live(call):
    """The same while somebody speaks on the first channel."""
    speaking = ChannelNow(-20.0, 301.0, "so where is it", SAD)
    return replace(call, position_s=303.5, channels=(speaking, ChannelNow(-55.0)))


def plain(lines):
    return [line.plain for line in lines]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (140, 40), (60, 16), (40, 12), (300, 80)])
def test_the_view_keeps_its_size_whatever_happens(live, call, width, height):
    views = [(LIVE, Snapshot()), (LIVE, live), (LIVE, replace(live, paused=True, notice="x" * 500))]
    views += [(session, one) for session in (REPLAY, replace(REPLAY, explain=True)) for one in (Snapshot(), call)]
    for session, snapshot in views:
        lines = running(session, snapshot, width, height)
        assert len(lines) == height
        assert max(cell_len(line.plain) for line in lines) <= width


def test_all_parts_of_the_live_view_are_there_at_80_by_24(live):
    lines = plain(running(LIVE, live, 80, 24))
    text = "\n".join(lines)
    for part in (
        "USB Microphone",
        "listening 5:03",
        "N neutral  ",  # the curve
        "speaking 0:02",
        "S?  0.60",
        "so where is it…",
        "4:50–4:54  customer",  # the newest turn that was scored, with its bars
        "what was said",
    ):
        assert part in text
    assert "S?  sad?     0.60" in "\n".join(plain(running(LIVE, live, 140, 40)))
    assert text.count("2:00") >= 2  # talk time of both
    assert text.endswith("space pause   m mark   q quit")
    customer, agent = lines[4:6]  # the turn in hand is in its lane, and no letter stands there yet
    assert customer[11:71].rstrip()[-1] == "▒"
    assert "▒" not in agent


def test_trouble_and_a_pause_are_told_only_when_there_is_some(live):
    text = "\n".join(plain(running(LIVE, live, 100, 30)))
    assert not any(word in text for word in ("dropped", "behind", "waiting", "paused"))
    busy = replace(live, dropped_ms=2300, behind_s=3.2, turns_waiting=5, waiting=True, notice="the device is gone.")
    text = "\n".join(plain(running(LIVE, busy, 100, 30)))
    trouble = "2.3 s dropped", "3 s behind", "5 turns waiting", "waiting for the device 5:03", "the device is gone."
    assert all(words in text for words in trouble)
    lines = plain(running(LIVE, replace(live, paused=True, channels=(ChannelNow(), ChannelNow())), 80, 24))
    assert lines[0].endswith("paused 5:03")
    assert sum("paused" in line for line in lines) == 3


def test_marks_and_alerts_are_shown(live):
    noted = replace(live, timeline=replace(live.timeline, marks=(Mark(1, 290.0),), alerts=(ALERT,)))
    lines = plain(running(LIVE, noted, 80, 24))
    assert "ALERT 5:00 customer: angry>0.7 for 2 turns (0.83)" in lines[2]
    assert "▼" in lines[3]
    assert "ALERT" not in plain(running(LIVE, replace(noted, position_s=400.0), 80, 24))[2]
    over = plain(finished(LIVE, noted, 80, 23))
    assert "Marks at 4:50." in over
    assert "Alerts at 5:00 customer." in over


def test_a_notice_is_seen_in_full_beside_an_alert(live):
    """What an alert's command has to say comes while the alert is fresh."""
    notice = (
        "The input 'USB Microphone' has delivered nothing but exact zeros for 5 seconds; it may be muted, or another "
        "program may keep it to itself."
    )
    both = replace(live, timeline=replace(live.timeline, alerts=(ALERT,)), notice=notice)
    lines = plain(running(LIVE, both, 80, 24))
    assert "ALERT 5:00 customer" in lines[2]
    assert " ".join(lines[-3:-1]) == notice
    assert "not scored" in lines[-4]  # the newest turn is still there
    assert plain(running(LIVE, both, 40, 12))[-2].endswith("…")


def test_many_channels_still_fit_and_a_narrow_screen_shows_the_last_emotions(live):
    many = replace(live, channels=(ChannelNow(-30.0),) * 8)
    session = replace(LIVE, speakers=tuple(f"speaker{number}" for number in range(1, 9)))
    assert sum(line.startswith("speaker8") for line in plain(running(session, many, 80, 24))) == 2
    for width in (20, 30):
        assert any(" S  sad " in line for line in plain(running(LIVE, live, width, 24))[-6:])


@pytest.mark.parametrize(("level", "cells"), [(-120.0, 0), (-60.0, 0), (-30.0, 5), (0.0, 10), (3.0, 10)])
def test_the_meter_goes_from_minus_60_to_full_scale(level, cells):
    snapshot = Snapshot(channels=(ChannelNow(level), ChannelNow()))
    lines = plain(running(LIVE, snapshot, 80, 24))
    assert [line.count("█") for line in lines if line.startswith("customer") and "quiet" in line] == [cells]


def test_a_replay_shows_the_newest_scored_turn_and_lists_the_last_ones(call):
    lines = plain(running(REPLAY, call, 80, 23))
    text = "\n".join(lines)
    for part in ("5:00 of 5:00", "4:50–4:54  customer", "“where is it”", "A angry   0.01", "N neutral 0.01"):
        assert part in text
    words = lines[next(place for place, line in enumerate(lines) if "what was said" in line)].index("what")
    assert {line[words - 1 : words + 1] for line in lines[-4:]} == {" w", " 무"}
    times = [line.split()[0] for line in lines if "not scored" in line]
    assert times[-1] == "4:55"
    assert times == sorted(times)


@pytest.mark.parametrize(("session", "state"), [(LIVE, "ended at 5:00"), (REPLAY, "5:00")])
def test_what_stays_tells_the_metrics_of_everybody(call, session, state):
    lines = plain(finished(session, call, 120, 40))
    assert lines[0].endswith(state)
    (customer,) = (line for line in lines if line.startswith("customer") and "%" in line)
    assert customer.split()[:3] == ["customer", "30", "2:00"]
    assert customer.endswith("angry 27%, sad 27%, happy 23%, neutral 23%")
    assert any(line.startswith("agent") and line.endswith("not scored") for line in lines)
    assert plain(finished(session, Snapshot(), 80, 23))[-1] == "No speech was found."


def test_a_replay_that_was_stopped_says_where(call):
    assert plain(finished(REPLAY, replace(call, stopped=True, position_s=21.5), 80, 23))[0].endswith("0:21 of 5:00")
    unknown = replace(REPLAY, duration_s=None)
    assert plain(running(unknown, call, 80, 23))[0].endswith("  5:00")


def drawn_on_a_terminal(session, snapshot, color_system):
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24, color_system=color_system)
    screen = running_screen(console, session, lambda: snapshot)
    screen.start(refresh=True)
    screen.stop()
    return console, console.file.getvalue()


@pytest.mark.parametrize("color_system", ["truecolor", "standard", None])
def test_the_live_screen_covers_the_terminal_and_gives_it_back(live, color_system):
    console, drawn = drawn_on_a_terminal(LIVE, live, color_system)
    assert drawn.index("\x1b[?1049h") < drawn.index("USB Microphone") < drawn.index("\x1b[?1049l")
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l")
    print_finished(console, LIVE, live)
    assert "ended at 5:03" in console.file.getvalue()[len(drawn) :]


def test_the_view_of_a_replay_leaves_only_the_finished_one(call):
    _, drawn = drawn_on_a_terminal(REPLAY, call, "truecolor")
    assert "what was said" in drawn
    # Every line of it is erased again, and the cursor is back.
    assert drawn.count("\x1b[2K") >= 22
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l")
