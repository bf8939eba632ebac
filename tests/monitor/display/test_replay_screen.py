import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from monitor.display.palette import Palette
from monitor.display.replay_screen import Progress, Replay, as_svg, finished, print_finished, replay_screen, running
from monitor.flow import Transcript, Word
from stser_core.scores import EmotionScores

REPLAY = Replay("call.wav", 60.0, ("customer", "agent"), "compact", "ensemble", "vosk (small)")
LONG = Transcript((Word("무슨 말씀이신지 잘 모르겠습니다 " * 8 + "where is my car", 0.0, 1.0, 0.9),))


@pytest.fixture
def call(turn, surely):
    """A minute of call: a customer's turn every ten seconds, an agent's turn, not scored, after each."""
    turns = []
    for number, emotion in enumerate(("angry", "sad", "neutral", "happy", "angry", "angry")):
        start_s = 10.0 * number
        turns.append(turn(turn=2 * number + 1, start_s=start_s, end_s=start_s + 4.0, scores=surely(emotion)))
        agent = {"channel": 2, "speaker": "agent", "scores": None, "transcript": LONG}
        turns.append(turn(turn=2 * number + 2, start_s=start_s + 5.0, end_s=start_s + 8.0, **agent))
    return Progress(tuple(turns), 60.0)


@pytest.mark.parametrize(("width", "height"), [(80, 23), (140, 39), (60, 16), (40, 12), (300, 44)])
@pytest.mark.parametrize("unicode", [True, False])
def test_the_running_view_keeps_its_size_whatever_has_been_said(call, width, height, unicode):
    palette = Palette(unicode=unicode)
    for progress in (Progress(), Progress(call.turns[:1], 5.0), Progress(call.turns[:2], 9.0), call):
        lines = running(REPLAY, progress, width, height, palette)
        assert len(lines) == height
        if width >= 80:
            assert max(cell_len(line.plain) for line in lines) <= width


def test_the_view_is_plain_ascii_where_the_terminal_knows_nothing_else(turn, surely):
    progress = Progress((turn(scores=surely("sad")),), 30.0)
    palette = Palette(colour=False, unicode=False)
    for lines in (running(REPLAY, progress, 80, 23, palette), finished(REPLAY, progress, 80, 23, palette)):
        assert all(line.plain.isascii() for line in lines)


def test_the_newest_scored_turn_is_shown_in_full(call):
    text = "\n".join(line.plain for line in running(REPLAY, call, 80, 23, Palette()))
    assert "0:50–0:54  customer" in text
    assert "“where is it”" in text
    assert "A angry   0.97" in text
    assert "1:00" in text


def test_every_classifier_that_answered_is_shown(turn):
    scores = EmotionScores({"speech": (0.9, 0.1, 0.0, 0.0), "pitch": (0.0, 0.1, 0.0, 0.9)}, (0.45, 0.1, 0.0, 0.45))
    text = "\n".join(line.plain for line in running(REPLAY, Progress((turn(scores=scores),), 5.0), 80, 23, Palette()))
    assert "speech A" in text
    assert "pitch S" in text


def test_the_last_turns_are_listed_oldest_first(call):
    lines = [line.plain for line in running(REPLAY, call, 80, 23, Palette())]
    times = [line.split()[0] for line in lines if "not scored" in line]
    assert times[-1] == "0:55"
    assert times == sorted(times)


def test_the_finished_view_tells_each_speakers_figures(call):
    lines = [line.plain for line in finished(REPLAY, call, 120, 40, Palette())]
    (customer,) = (line for line in lines if line.startswith("customer") and "%" in line)
    assert customer.split()[:3] == ["customer", "6", "0:24"]
    assert customer.rstrip().endswith("angry 50%, happy 17%, neutral 17%, sad 17%")
    (agent,) = (line for line in lines if line.startswith("agent") and "0:18" in line)
    assert agent.rstrip().endswith("not scored")


def test_a_replay_that_was_stopped_says_where(call):
    progress = Progress(call.turns[:4], 21.5)
    lines = [line.plain for line in finished(REPLAY, progress, 80, 23, Palette(), interrupted=True)]
    assert lines[-1] == "Stopped at 0:21 of 1:00."


def test_nobody_spoke():
    lines = [line.plain for line in finished(REPLAY, Progress((), 60.0), 80, 23, Palette())]
    assert lines[-1] == "No speech was found."


def test_a_recording_of_unknown_length_is_shown_as_far_as_it_was_heard(call):
    unknown = Replay("stream.ogg", None, ("customer", "agent"), "compact", "speech", "no transcript")
    lines = [line.plain for line in running(unknown, call, 80, 23, Palette())]
    assert "0:50" in lines[3]


def test_the_live_view_leaves_only_the_finished_one(call):
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, height=24, color_system="truecolor")
    screen = replay_screen(console, REPLAY, lambda: call)
    screen.start()
    screen.stop()
    drawn = file.getvalue()
    print_finished(console, REPLAY, call)
    assert "what was said" in drawn
    # Every line of the live view is erased again, and the cursor is back.
    assert drawn.count("\x1b[2K") >= 22
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l")
    assert file.getvalue().rstrip().endswith("not scored\x1b[0m")


def test_the_picture_is_an_svg_of_the_finished_view(call):
    picture = as_svg(REPLAY, call)
    assert picture.startswith("<svg")
    assert "customer" in picture
    assert "#d55e00" in picture.lower()
