"""Data and scripts that stand in a page."""

import base64
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.web.page import base64_block, json_block, source_hash


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_embedded_json_is_the_same_value_and_ends_no_element(text):
    block = str(json_block({"said": text}))
    assert json.loads(block) == {"said": text}
    assert not set(block) & set("<>&\u2028\u2029")


def test_a_number_that_json_has_not_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        json_block({"duration": float("inf")})


def test_embedded_bytes_are_the_same_bytes():
    assert base64.b64decode(base64_block(bytes(range(256)))) == bytes(range(256))


def test_a_script_is_permitted_by_the_hash_of_its_bytes():
    digest = hashlib.sha256("alert('é')\n".encode()).digest()
    assert source_hash("alert('é')\n") == f"'sha256-{base64.b64encode(digest).decode()}'"
