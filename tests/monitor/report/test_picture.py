import builtins
import io

import pytest

from monitor.display.palette import Palette
from monitor.report import make_report
from monitor.report.curves import curve, window_s
from stser_core.emotions import LABELS
from stser_core.errors import MissingExtraError

pytest.importorskip("matplotlib")


def pixels(content):
    from matplotlib import image

    return (image.imread(io.BytesIO(content))[:, :, :3] * 255).round().astype(int)


def drawn(content, emotion):
    """How many dots have exactly an emotion's colour."""
    colour = Palette().ink(emotion).color.get_truecolor()
    return int((pixels(content) == (colour.red, colour.green, colour.blue)).all(axis=2).sum())


def draw(rows):
    from monitor.report.picture import draw

    return draw(make_report(rows, (), "call.csv"))


def test_a_picture_has_the_size_of_a_slide_and_the_colours_of_its_turns(row, agent):
    picture = draw([row(1, 0.0, 6.0, "angry"), agent(2, 6.0, 9.0), row(3, 9.0, 20.0, "happy")])
    assert pixels(picture).shape == (900, 1600, 3)
    assert drawn(picture, "happy") > 1.4 * drawn(picture, "angry") > 1000
    assert drawn(picture, "neutral") < 50


def test_an_empty_timeline_and_one_without_scores_are_pictures_too(agent):
    assert pixels(draw([])).shape == (900, 1600, 3)
    assert sum(drawn(draw([agent(1, 0.0, 5.0)]), label) for label in LABELS) < 50


def test_a_name_that_matplotlib_would_read_as_a_formula_is_shown(row):
    assert draw([row(1, 0.0, 6.0, "sad", speaker="$\\frac$", recording="a$b_$.wav")])


@pytest.mark.parametrize("speakers", [1, 6])
def test_any_number_of_speakers_fits(row, speakers):
    rows = [row(n, n, n + 0.5, "sad", speaker=f"speaker{n}", channel=n) for n in range(1, speakers + 1)]
    assert pixels(draw(rows)).shape == (900, 1600, 3)


def test_a_turns_probabilities_hold_for_the_whole_turn(row):
    turns = make_report([row(1, 1.0, 3.0, "angry"), row(2, 5.0, 6.0, "sad")], (), "x").turns
    times, values = curve(turns, 6.0)
    assert times == [1.0, 3.0, 5.0, 6.0]
    assert [round(of[0], 2) for of in values] == [0.7, 0.7, 0.1, 0.1]
    assert window_s(6.0) is None


def test_a_long_call_shows_the_mean_around_each_turn(row):
    turns = make_report(
        [row(1, 0.0, 10.0, "angry"), row(2, 10.0, 40.0, "sad"), row(3, 3000.0, 3001.0, "sad")], (), "x"
    ).turns
    assert window_s(3001.0) == pytest.approx(60.02)
    times, values = curve(turns, 3001.0)
    assert times == [5.0, 25.0, 3000.5]
    # Around 5 s lie 10 s of the first turn and 25.01 s of the second.
    assert values[0][0] == pytest.approx((10 * 0.7 + 25.01 * 0.1) / 35.01)
    assert values[2][0] == pytest.approx(0.1)


def test_without_matplotlib_one_sentence_says_what_is_missing(row, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(name=name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"needs the extra \[report\]: pip install 'stser-monitor\[report\]'"):
        draw([row(1, 0.0, 6.0, "sad")])
