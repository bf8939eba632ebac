import io
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from monitor.display.live_screen import LiveInfo, LiveSnapshot, ended, listening, live_screen, meter_share, print_ended
from monitor.display.palette import Palette
from monitor.flow import ChannelNow, Transcript, Word
from monitor.timeline.notes import Alert, Mark
from monitor.timeline.timeline import Timeline
from stser_core.scores import EmotionScores

INFO = LiveInfo("USB Microphone", ("customer", "agent"), "compact", "vosk (small)", keys=True)
LONG = Transcript((Word("무슨 말씀이신지 잘 모르겠습니다 " * 8 + "where is my car", 0.0, 1.0, 0.9),))
SAD = EmotionScores({"speech": (0.1, 0.1, 0.2, 0.6)}, (0.1, 0.1, 0.2, 0.6), (0.2, 0.5, 0.3))


@pytest.fixture
def snapshot(turn, surely):
    """Five minutes of talk, while somebody speaks on the first channel."""
    recent = Timeline()
    for number in range(60):
        emotion = ("angry", "sad", "neutral", "happy")[number // 2 % 4]
        common = {"turn": number + 1, "start_s": 5.0 * number, "end_s": 5.0 * number + 4.0}
        if number % 2:
            recent.add(turn(channel=2, speaker="agent", scores=None, transcript=LONG, **common))
        else:
            recent.add(turn(scores=replace(surely(emotion), salience=(0.25,) * 4), **common))
    speaking = ChannelNow(-20.0, 301.0, "so where is it", SAD)
    return LiveSnapshot(recent.snapshot(), (speaking, ChannelNow(-55.0)), 303.5)


def plain(lines):
    return [line.plain for line in lines]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (140, 40), (60, 16), (40, 12), (300, 80)])
@pytest.mark.parametrize("unicode", [True, False])
def test_the_view_keeps_its_size_whatever_happens(snapshot, width, height, unicode):
    palette = Palette(unicode=unicode)
    for one in (
        LiveSnapshot(),
        LiveSnapshot(channels=snapshot.channels),
        snapshot,
        replace(snapshot, paused=True, notice="x" * 500),
    ):
        lines = listening(INFO, one, width, height, palette)
        assert len(lines) == height
        if width >= 80:
            assert max(cell_len(line.plain) for line in lines) <= width


def test_all_parts_are_there_at_80_by_24(snapshot):
    text = "\n".join(plain(listening(INFO, snapshot, 80, 24, Palette())))
    assert "USB Microphone" in text
    assert "listening 5:03" in text
    assert "N neutral  " in text  # the curve
    assert "speaking 0:02" in text
    assert "S?  0.60" in text
    assert "so where is it…" in text
    assert "S?  sad?     0.60" in "\n".join(plain(listening(INFO, snapshot, 140, 40, Palette())))
    assert "4:50–4:54  customer" in text  # the newest turn that was scored, with its bars
    assert "what was said" in text
    assert text.count("2:00") >= 2  # talk time of both
    assert text.endswith("space pause   m mark   q quit")


def test_where_colour_and_unicode_are_missing_it_is_still_readable(snapshot):
    lines = listening(
        INFO, replace(snapshot, timeline=Timeline().snapshot()), 80, 24, Palette(colour=False, unicode=False)
    )
    assert all(line.plain.isascii() for line in lines)
    text = "\n".join(plain(lines))
    assert "S?  0.60" in text
    assert ":" in next(line for line in plain(lines) if line.startswith("customer") and "speaking" not in line)


def test_the_axis_moves_with_the_last_minutes(snapshot):
    axis_at = {at: plain(listening(INFO, replace(snapshot, position_s=at), 80, 24, Palette()))[3] for at in (10, 303)}
    assert "0:00" in axis_at[10]
    assert "0:00" not in axis_at[303].split()
    assert "4:30" in axis_at[303]


def test_the_turn_in_hand_is_in_its_lane_and_no_letter_stands_there_yet(snapshot):
    lines = plain(listening(INFO, snapshot, 80, 24, Palette()))
    customer, agent = lines[4], lines[5]
    assert customer[11:71].rstrip()[-1] == "▒"
    assert "▒" not in agent


def test_trouble_is_told_only_when_there_is_some(snapshot):
    usual = plain(listening(INFO, snapshot, 100, 30, Palette()))[:3]
    assert not any(word in "\n".join(usual) for word in ("dropped", "behind", "waiting"))
    busy = replace(snapshot, dropped_ms=2300, behind_s=3.2, turns_waiting=5, waiting=True, notice="the device is gone.")
    text = "\n".join(plain(listening(INFO, busy, 100, 30, Palette())))
    for words in (
        "2.3 s dropped",
        "3 s behind",
        "5 turns waiting",
        "waiting for the device 5:03",
        "the device is gone.",
    ):
        assert words in text


def test_a_pause_is_seen(snapshot):
    resting = replace(snapshot, paused=True, channels=(ChannelNow(), ChannelNow()))
    lines = plain(listening(INFO, resting, 80, 24, Palette()))
    assert lines[0].endswith("paused 5:03")
    assert sum("paused" in line for line in lines) == 3


def test_marks_and_alerts_are_shown(snapshot):
    alert = Alert("angry>0.7 for 2 turns", 300.0, 1, "customer", 58, "angry", 0.83)
    noted = replace(snapshot, timeline=replace(snapshot.timeline, marks=(Mark(1, 290.0),), alerts=(alert,)))
    lines = plain(listening(INFO, noted, 80, 24, Palette()))
    assert "ALERT 5:00 customer: angry>0.7 for 2 turns (0.83)" in lines[2]
    assert "▼" in lines[3]
    later = plain(listening(INFO, replace(noted, position_s=400.0), 80, 24, Palette()))
    assert "ALERT" not in later[2]
    over = plain(ended(INFO, noted, 80, 23, Palette()))
    assert "Marks at 4:50." in over
    assert "Alerts at 5:00 customer." in over


def test_a_notice_is_seen_in_full_beside_an_alert(snapshot):
    """What an alert's command has to say comes while the alert is fresh."""
    alert = Alert("angry>0.7", 300.0, 1, "customer", 58, "angry", 0.83)
    notice = (
        "The input 'USB Microphone' has delivered nothing but exact zeros for 5 seconds; it may be muted, or another "
        "program may keep it to itself."
    )
    both = replace(snapshot, timeline=replace(snapshot.timeline, alerts=(alert,)), notice=notice)
    lines = plain(listening(INFO, both, 80, 24, Palette()))
    assert "ALERT 5:00 customer: angry>0.7 (0.83)" in lines[2]
    assert " ".join(lines[-3:-1]) == notice
    assert "not scored" in lines[-4]  # the newest turn is still there
    assert plain(listening(INFO, both, 40, 12, Palette()))[-2].endswith("…")


def test_what_stays_tells_the_figures_of_everybody(snapshot):
    lines = plain(ended(INFO, snapshot, 120, 40, Palette()))
    assert lines[0].endswith("ended at 5:03")
    (customer,) = (line for line in lines if line.startswith("customer") and "%" in line)
    assert customer.split()[:3] == ["customer", "30", "2:00"]
    assert any(line.startswith("agent") and line.endswith("not scored") for line in lines)
    assert plain(ended(INFO, LiveSnapshot(), 80, 23, Palette()))[-1] == "No speech was found."


def test_many_channels_still_fit(snapshot):
    names = tuple(f"speaker{number}" for number in range(1, 9))
    many = LiveSnapshot(snapshot.timeline, (ChannelNow(-30.0),) * 8, 303.5)
    lines = plain(listening(replace(INFO, speakers=names), many, 80, 24, Palette()))
    assert sum(line.startswith("speaker8") for line in lines) == 2


@pytest.mark.parametrize(("level", "share"), [(-120.0, 0.0), (-60.0, 0.0), (-30.0, 0.5), (0.0, 1.0), (3.0, 1.0)])
def test_the_meter_goes_from_minus_60_to_full_scale(level, share):
    assert meter_share(level) == share


@pytest.mark.parametrize("color_system", ["truecolor", "standard", None])
def test_the_screen_covers_the_terminal_and_gives_it_back(snapshot, color_system):
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, height=24, color_system=color_system)
    screen = live_screen(console, INFO, lambda: snapshot)
    screen.start()
    screen.stop()
    drawn = file.getvalue()
    assert drawn.index("\x1b[?1049h") < drawn.index("USB Microphone") < drawn.index("\x1b[?1049l")
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l")
    print_ended(console, INFO, snapshot)
    assert "ended at 5:03" in file.getvalue()[len(drawn) :]
