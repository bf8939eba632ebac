"""What every test shares: no network, no deadlines on a busy machine, the same examples in every run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"
settings.register_profile("project", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("project")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the recordings and files that ship with the tests."""
    return Path(__file__).parent / "data"
