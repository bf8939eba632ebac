import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from monitor.display.palette import bar, fitted, printable


@given(st.text(st.characters(exclude_categories=["C"]), max_size=30), st.integers(1, 20))
def test_a_fitted_text_has_exactly_the_width(text, width):
    assert cell_len(fitted(printable(text), width)) == width


@pytest.mark.parametrize(
    ("share", "shown"), [(0.0, ""), (0.5, "█" * 10), (1.0, "█" * 20), (0.001, ""), (0.25 + 1 / 160, "█████▏")]
)
def test_a_bar_is_as_long_as_its_share_to_an_eighth_of_a_cell(share, shown):
    assert bar(share, 20) == shown
