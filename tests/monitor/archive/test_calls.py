"""The day of a call."""

from datetime import date

import pytest

from monitor.archive.calls import day_of

TODAY = date(2026, 11, 29)
JANUARY = 1_767_225_600 * 10**9  # 2026-01-01 00:00 UTC


@pytest.mark.parametrize(
    "name",
    [
        "2026-10-05.wav",
        "support/call_20261005.mp3",
        "20261005143000_4711.wav",
        "202610051430.wav",
        "call-20261005T143000Z.wav",
        "2026_10_05/4711.wav",
        "2026/10/05/4711.wav",
        "2025-01-01/copied_2026.10.05_x.wav",
        "20261005-143000-20121105-200.wav",
        "20121105-20261005_14-30-00.wav",
        "20121105_2026-10-05T14.30.00.wav",
        "20261005-20351231.wav",
        "4711 05-Oct-2026.wav",
        "October 5, 2026 14.30.wav",
    ],
)
def test_a_date_in_the_name_counts(name):
    assert day_of(name, JANUARY, TODAY) == (date(2026, 10, 5), "name")


@pytest.mark.parametrize(
    "name",
    [
        "call.wav",
        "20251012345.wav",
        "+4920261005.wav",
        "2026-02-30.wav",
        "05.10.2026.wav",
        "2026-1005.wav",
        "20261005999.wav",
        "20351231-143000.wav",
        "2026-12-01.wav",
    ],
)
def test_without_one_the_file_s_own_time_counts(name):
    assert day_of(name, JANUARY, TODAY) == (date(2026, 1, 1), "modified")


def test_the_last_instant_of_a_day_is_of_that_day():
    assert day_of("call.wav", JANUARY - 1) == (date(2025, 12, 31), "modified")
