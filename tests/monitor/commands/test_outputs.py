"""What a command shows, with a screen and without one."""

import pytest

from monitor.commands.notices import Notices
from monitor.commands.outputs import DisplayMode, View, display_mode
from monitor.display.screen import Session, Snapshot
from monitor.flow import ChannelNow
from monitor.options import OutputOptions
from monitor.timeline.timeline import Timeline
from stser_core.errors import AudioError

INFO = Session("mic", ("speaker1",), "compact", "none", live=True)


def view(mode, notices, recent):
    return View(
        mode, notices, INFO, lambda notice: Snapshot(recent.snapshot(), channels=(ChannelNow(),), notice=notice)
    )


@pytest.mark.parametrize("quiet", [False, True])
def test_while_a_screen_is_there_sentences_are_shown_on_it_and_written_afterwards(capsys, monkeypatch, quiet):
    monkeypatch.setenv("COLUMNS", "100")
    notices, shown = Notices(quiet=quiet), []

    def snapshot(notice):
        shown.append(notice)
        return Snapshot(channels=(ChannelNow(),), notice=notice)

    with View(DisplayMode.SCREEN, notices, INFO, snapshot) as covering:
        for number in range(1000):
            notices.say(f"sentence {number}.")
        assert capsys.readouterr().err == ""
        covering.uncover()
        covering.cover()
    assert ("sentence 999." in shown) is not quiet
    written = capsys.readouterr().err.splitlines()
    assert len(written) == (0 if quiet else 20)
    assert quiet or written[-1] == "stser-monitor: sentence 999."


def test_what_fails_before_anything_is_heard_says_nothing_of_speech(capsys, turn):
    with pytest.raises(AudioError), view(DisplayMode.LINES, Notices(quiet=False), Timeline()):
        raise AudioError("Standard input is FLAC.")
    assert capsys.readouterr().err == ""

    with view(DisplayMode.LINES, Notices(quiet=False), Timeline()):
        pass
    assert capsys.readouterr().err == "No speech was found.\n"


@pytest.mark.parametrize(
    ("quiet", "output", "terminal", "expected"),
    [
        (False, None, "xterm", DisplayMode.SCREEN),
        (False, None, "dumb", DisplayMode.LINES),
        (False, None, "", DisplayMode.LINES),
        (False, "-", "", DisplayMode.LINES),
        (False, "-", "xterm", DisplayMode.NOTHING),
        (True, None, "xterm", DisplayMode.NOTHING),
        (True, "-", "", DisplayMode.NOTHING),
    ],
)
def test_how_results_are_shown(quiet, output, terminal, expected, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: bool(terminal))
    monkeypatch.setenv("TERM", terminal)
    assert display_mode(OutputOptions("call.csv", output), quiet=quiet) is expected


def test_no_sentence_on_a_screen_commands_the_terminal():
    notices, shown = Notices(quiet=False), []
    notices.divert(shown.append)
    notices.say("call\x1b[2J\n\u202e.wav cannot be read.")
    assert shown == ["call?[2J??.wav cannot be read."]
