"""TextGrids, read by Praat itself (parselmouth)."""

import parselmouth
import pytest
from parselmouth.praat import call

from monitor.flow import Word


@pytest.fixture(scope="module")
def read(tmp_path_factory, exported):
    path = tmp_path_factory.mktemp("praat") / "call.TextGrid"

    def read(*rows):
        path.write_bytes(exported("textgrid", *rows))
        grid = parselmouth.read(str(path))
        return {
            call(grid, "Get tier name", tier): intervals(grid, tier)
            for tier in range(1, call(grid, "Get number of tiers") + 1)
        }

    return read


def intervals(grid, tier):
    """The intervals that hold something."""
    found = []
    for number in range(1, call(grid, "Get number of intervals", tier) + 1):
        text = call(grid, "Get label of interval", tier, number)
        if text:
            start = call(grid, "Get start time of interval", tier, number)
            found.append((start, call(grid, "Get end time of interval", tier, number), text))
    return found


def test_each_speaker_has_words_and_emotions(read, row, agent):
    assert read(agent(), row(), row(turn=3, start_s=4.0, end_s=5.0, emotion="sad", transcript=None)) == {
        "customer": [(1.0, 2.5, "where is it"), (4.0, 5.0, "[speech]")],
        "customer emotion": [(1.0, 2.5, "angry"), (4.0, 5.0, "sad")],
        "agent": [(2.2, 3.6, "hold on")],
    }


def test_words_with_times_have_a_tier(read, row):
    words = (Word("where", 1.2, 1.5, 0.9), Word("is", 1.4, 1.6, 1.0), Word("it", 1.6, 1.6, 0.8))
    tiers = read(row(words=words))
    assert tiers["customer words"] == [(1.2, 1.5, "where"), (1.5, 1.6, "is"), (1.6, 1.601, "it")]


def test_turns_of_one_speaker_that_overlap_are_on_two_tiers(read, row):
    tiers = read(
        row(), row(start_s=2.0, end_s=3.0, transcript="again"), row(start_s=3.0, end_s=4.0, transcript="third")
    )
    assert tiers["customer"] == [(1.0, 2.5, "where is it"), (3.0, 4.0, "third")]
    assert tiers["customer (2)"] == [(2.0, 3.0, "again")]


def test_speakers_of_one_name_are_told_apart(read, row):
    tiers = read(row(), row(channel=2), row(channel=3, speaker="customer emotion"))
    assert list(tiers)[::2] == ["customer", "customer (2)", "customer emotion (2)"]


@pytest.mark.parametrize(
    "text", ['say "no"', '"', "two\nlines", "<script>", "a --> b", "שלום \u202eעולם", "안녕", "tab\there", "😀"]
)
def test_any_text_survives(read, row, text):
    assert read(row(transcript=text))["customer"] == [(1.0, 2.5, text)]


def test_a_timeline_without_turns_opens(read):
    assert read() == {"speech": []}
