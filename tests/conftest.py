"""What every test shares: no network, one thread for torch, no deadlines, the same examples in every run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"  # on a busy machine, torch's second thread makes small models many times slower
settings.register_profile("project", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("project")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the recordings and files that ship with the tests."""
    return Path(__file__).parent / "data"
