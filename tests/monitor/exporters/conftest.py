"""Rows of a timeline, and their bytes in a format."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from monitor.exporters.formats import FORMATS
from monitor.timeline.turn import Turn

CUSTOMER = Turn(
    recording="call one.wav",
    channel=1,
    speaker="customer",
    turn=1,
    start_s=1.0,
    end_s=2.5,
    emotion="angry",
    confidence=0.5,
    p_angry=0.5,
    p_happy=0.0833,
    p_neutral=0.2767,
    p_sad=0.14,
    speech_emotion="angry",
    transcript="where is it",
    transcript_confidence=0.9,
    loudness_dbfs=-23.4,
    checkpoint="compact",
)
UNSCORED = dict.fromkeys(("emotion", "confidence", "p_angry", "p_happy", "p_neutral", "p_sad", "speech_emotion"))
WHEN = {"turn": 2, "start_s": 2.2, "end_s": 3.6}
AGENT = replace(CUSTOMER, **UNSCORED, **WHEN, channel=2, speaker="agent", transcript="hold on")


@pytest.fixture(scope="session")
def row() -> Callable[..., Turn]:
    """Make a row; what is given replaces the usual values."""
    return partial(replace, CUSTOMER)


@pytest.fixture(scope="session")
def agent() -> Callable[..., Turn]:
    """Make a row of an agent, who is not scored."""
    return partial(replace, AGENT)


@pytest.fixture(scope="session")
def exported() -> Callable[..., bytes]:
    """Write rows in a format and give back its bytes."""
    return lambda name, *rows: FORMATS[name].made(rows)
