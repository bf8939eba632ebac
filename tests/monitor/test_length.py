import pytest

from monitor.length import ends_early, length_s


@pytest.mark.parametrize(
    ("announced_s", "heard_s", "taken_s"),
    [
        (100.0, 100.0, 100.0),
        (100.0, 98.5, 100.0),  # an estimate
        (100.0, 101.0, 101.0),
        (100.0, 97.0, 97.0),  # a lost end
        (3.0, 2.1, 3.0),
        (3.0, 1.9, 1.9),
        (None, 7.0, 7.0),
        (0.0, 7.0, 7.0),
    ],
)
def test_a_recording_is_as_long_as_it_says_never_shorter_than_what_was_decoded(announced_s, heard_s, taken_s):
    assert length_s(announced_s, heard_s) == taken_s
    assert ends_early(announced_s or 0.0, heard_s) == (taken_s < (announced_s or 0.0))


@pytest.mark.parametrize(("heard_s", "cut_off"), [(3599.95, False), (3599.8, True), (3540.0, True)])
def test_a_number_of_samples_is_a_promise(heard_s, cut_off):
    assert ends_early(3600.0, heard_s, exact=True) == cut_off
    assert not ends_early(3600.0, heard_s)
