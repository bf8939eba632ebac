"""What a command shows, with a screen and without one."""

import pytest

from monitor.commands.notices import Notices
from monitor.commands.views import DisplayMode, LiveView, ScreenNotices, display_mode
from monitor.display import LiveInfo, LiveSnapshot
from monitor.flow import ChannelNow
from monitor.timeline.timeline import Timeline
from stser_core.errors import AudioError

INFO = LiveInfo("mic", ("speaker1",), "compact", "none")


def view(mode, notices, recent):
    return LiveView(mode, notices, INFO, lambda notice: LiveSnapshot(recent.snapshot(), (ChannelNow(),), notice=notice))


def test_while_a_screen_is_there_sentences_go_to_it_and_are_written_afterwards(capsys):
    notices, said = Notices(quiet=False), ScreenNotices()
    notices.divert(said.say)
    notices.say("the device is slow.")
    assert capsys.readouterr().err == ""
    assert said.last() == "the device is slow."
    notices.divert(None)
    for sentence in said.all():
        notices.say(sentence)
    assert capsys.readouterr().err == "stser-monitor: the device is slow.\n"


def test_quiet_is_quiet_on_the_screen_too():
    notices, said = Notices(quiet=True), ScreenNotices()
    notices.divert(said.say)
    notices.say("the device is slow.")
    assert said.last() == ""


def test_only_the_last_sentences_are_kept():
    said = ScreenNotices()
    for number in range(1000):
        said.say(str(number))
    assert said.last() == "999"
    assert len(said.all()) < 100


def test_plain_lines_end_with_the_figures(capsys, turn):
    recent = Timeline()
    recent.add(turn())
    with view(DisplayMode.LINES, Notices(quiet=False), recent):
        pass
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("customer: 1 turn, talk time 0:01, angry 100%.")


def test_what_fails_before_anything_is_heard_says_nothing_of_speech(capsys, turn):
    with pytest.raises(AudioError), view(DisplayMode.LINES, Notices(quiet=False), Timeline()):
        raise AudioError("Standard input is FLAC.")
    assert capsys.readouterr().err == ""

    with view(DisplayMode.LINES, Notices(quiet=False), Timeline()):
        pass
    assert capsys.readouterr().err == "No speech was found.\n"


def test_nothing_is_nothing(capsys, turn):
    with view(DisplayMode.NOTHING, Notices(quiet=True), Timeline()):
        pass
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("quiet", "output", "terminal", "expected"),
    [
        (False, None, True, DisplayMode.SCREEN),
        (False, None, False, DisplayMode.LINES),
        (False, "-", False, DisplayMode.LINES),
        (False, "-", True, DisplayMode.NOTHING),
        (True, None, True, DisplayMode.NOTHING),
        (True, "-", False, DisplayMode.NOTHING),
    ],
)
def test_how_results_are_shown(quiet, output, terminal, expected, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.setenv("TERM", "xterm")
    assert display_mode("call.csv", output, quiet=quiet) is expected


def test_a_dumb_terminal_gets_lines(monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    assert display_mode(None, quiet=False) is DisplayMode.LINES
