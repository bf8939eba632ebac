"""What all pages have in common; the report's page is tested for what it permits itself, and what it escapes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.counted import counted
from monitor.web.page import json_block, lasting, shown


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_embedded_json_is_the_same_value_and_ends_no_element(text):
    block = str(json_block({"said": text}))
    assert json.loads(block) == {"said": text}
    assert not set(block) & set("<>&\u2028\u2029")


def test_a_number_that_json_has_not_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        json_block({"duration": float("inf")})


def test_lengths_levels_and_counts_are_written_for_people():
    lengths = [lasting(value) for value in (None, 0.04, 59.9, 277.2, 3877.0)]
    assert lengths == ["–", "0.0 s", "59.9 s", "4:37 min", "1:04:37 h"]
    assert shown(-23.4, "{:.0f} dB") == "−23 dB"
    assert [counted(n, "turn") for n in (0, 1, 1200)] == ["0 turns", "1 turn", "1,200 turns"]
