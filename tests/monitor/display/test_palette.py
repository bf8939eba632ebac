import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from monitor.display.palette import LETTERS, Palette, clock, printable
from stser_core.emotions import LABELS


@given(st.text(st.characters(exclude_categories=["C"]), max_size=30), st.integers(1, 20), st.booleans())
def test_a_fitted_text_has_exactly_the_width(text, width, unicode):
    fitted = Palette(unicode=unicode).fitted(printable(text), width)
    assert cell_len(fitted) == width


def test_a_text_that_fits_is_only_padded():
    assert Palette().fitted("agent", 7) == "agent  "
    assert Palette().fitted("customer support", 8) == "custome…"
    assert Palette().fitted("안녕하세요", 6) == "안녕… "


@pytest.mark.parametrize(("share", "cells"), [(0.0, 0), (0.5, 10), (1.0, 20), (0.001, 0)])
def test_a_bar_is_as_long_as_its_share(share, cells):
    assert len(Palette().bar(share, 20)) == cells
    assert len(Palette(unicode=False).bar(share, 20)) == cells


def test_bars_tell_eighths_of_a_cell():
    assert Palette().bar(0.25 + 1 / 160, 20) == "█████▏"


def test_heights_grow_with_the_probability():
    heights = [Palette().height(step / 8) for step in range(9)]
    assert heights == list(" ▁▂▃▄▅▆▇█")


@pytest.mark.parametrize("sixteen", [False, True])
def test_every_emotion_differs_in_colour_and_in_letter(sixteen):
    palette = Palette(sixteen=sixteen)
    assert len({palette.block(label).bgcolor for label in LABELS}) == len(LABELS)
    assert len(set(LETTERS.values())) == len(LABELS)


def console(**options):
    return Console(file=io.StringIO(), force_terminal=True, **options)


def test_the_palette_follows_the_terminal():
    assert Palette.of(console(color_system="truecolor")).colour
    assert Palette.of(console(color_system="standard")).sixteen
    assert not Palette.of(console(color_system="256", no_color=True)).colour


def test_escapes_in_names_are_shown_and_not_obeyed():
    assert printable("a\x1b[31mb\nc\u202ed") == "a?[31mb?c?d"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0:00"), (59.999, "0:59"), (61.0, "1:01"), (3600.0, "1:00:00"), (90_000, "25:00:00")]
)
def test_times_read_as_a_clock(seconds, text):
    assert clock(seconds) == text
