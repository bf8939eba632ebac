"""The settings refuse what contradicts itself."""

import pytest

from monitor.segmenter.settings import SegmenterSettings


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("mode", 4),
        ("start_frames", 0),
        ("start_frames", 6),
        ("resume_frames", 0),
        ("post_roll_s", 0.6),
        ("pre_roll_s", -0.1),
        ("min_speech_s", 0.0),
        ("floor_window_s", 0.1),
        ("cut_search_s", 14.0),
        ("max_utterance_s", 0.5),
    ],
)
def test_a_setting_that_cannot_be_is_refused(setting, value):
    with pytest.raises(ValueError, match=r"\w+_\w+|mode"):
        SegmenterSettings(**{setting: value})


def test_the_defaults_agree_with_each_other():
    assert SegmenterSettings().max_utterance_s == 15
