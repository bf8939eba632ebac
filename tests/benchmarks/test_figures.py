import math

import pytest

from benchmarks.figures import Budget, Figure, missing, percentile, repeated, slope
from benchmarks.table import cells, shown


def test_a_budget_holds_on_its_own_side_and_at_its_limit():
    assert Budget(1.10).holds(1.10)
    assert not Budget(1.10).holds(1.11)
    assert Budget(150, at_least=True).holds(150)
    assert not Budget(150, at_least=True).holds(149.9)
    assert str(Budget(1.10)) == "≤ 1.1"
    assert str(Budget(150, at_least=True)) == "≥ 150"


def test_what_could_not_be_measured_neither_holds_nor_fails():
    absent = missing("words", "word error rate", "no references")

    assert absent.holds is None
    assert cells(absent)[1] == "–"
    assert Figure("start", "--help", 0.2, "s").holds is None


def test_a_figure_of_json_says_whether_its_budget_holds():
    told = Figure("start", "--help", 0.6, "s", budget=Budget(0.5), spread=(0.6, 0.9)).as_dict()

    assert (told["value"], told["budget"], told["holds"]) == (0.6, "≤ 0.5", False)


def test_repeated_measurements_give_their_median_and_ends():
    assert repeated([3.0, 1.0, 9.0]) == (3.0, (1.0, 9.0))


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100)])
def test_percentiles_are_values_that_were_measured(share, expected):
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_the_slope_of_a_line_with_symmetric_noise_is_the_lines():
    places = [0.0, 1.0, 2.0, 3.0]
    noise = [0.5, -0.5, -0.5, 0.5]

    assert math.isclose(slope(places, [100 + 7 * place + more for place, more in zip(places, noise, strict=True)]), 7)


@pytest.mark.parametrize(
    ("value", "expected"), [(None, "–"), (0.456, "0.46"), (12.34, "12.3"), (1234.5, "1,234"), (3.0, "3")]
)
def test_numbers_keep_the_digits_that_count(value, expected):
    assert shown(value) == expected
