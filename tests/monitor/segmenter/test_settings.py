"""The settings refuse what contradicts itself."""

import pytest

from monitor.segmenter.settings import SegmenterSettings
from stser_core.errors import UsageError


@pytest.mark.parametrize(("setting", "value"), [("post_roll_s", 0.6), ("pre_roll_s", -0.1), ("cut_search_s", 14.0)])
def test_a_setting_that_cannot_be_is_refused(setting, value):
    with pytest.raises(ValueError, match=str(value)):
        SegmenterSettings(**{setting: value})


@pytest.mark.parametrize(
    ("setting", "value"), [("pause_s", 0.1), ("pause_s", 9.0), ("pause_s", float("nan")), ("sensitivity", "extreme")]
)
def test_what_a_user_sets_out_of_bounds_is_told_with_its_value(setting, value):
    with pytest.raises(UsageError, match=str(value).removesuffix(".0")):
        SegmenterSettings(**{setting: value})
