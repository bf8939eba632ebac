"""Signals as a terminal gives them."""

import signal

import pytest


@pytest.fixture
def hang_ups():
    """Hang-ups are heard, also where the tests were started with `nohup`, which what they start would inherit."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)
