"""Rows of a timeline whose figures can be told by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS


def probabilities_of(emotion: str) -> tuple[float, ...]:
    return tuple(0.7 if label == emotion else 0.1 for label in LABELS)


@pytest.fixture
def row() -> Callable[..., Turn]:
    """Make a row: when, on which channel, with which emotion (scored 0.7 to 0.1) and words."""
    counter = iter(range(1, 10_000))

    def make(
        start_s: float, end_s: float, channel: int = 1, emotion: str | None = None, said: str | None = None, **more: Any
    ):
        usual: dict[str, Any] = {
            "recording": "call.wav",
            "speaker": {1: "customer", 2: "agent", 3: "other"}[channel],
            "turn": next(counter),
            "emotion": emotion,
            "confidence": None if emotion is None else 0.7,
            "probabilities": None if emotion is None else probabilities_of(emotion),
            "transcript": said,
            "loudness_dbfs": -20.0,
        }
        return Turn(channel=channel, start_s=float(start_s), end_s=float(end_s), **{**usual, **more})

    return make


@pytest.fixture
def call(row: Callable[..., Turn]) -> list[Turn]:
    """A call of 80 s: the customer grows angry, the agent is not scored.

    customer  0–10 neutral   20–30 neutral   38–48 angry            60–70 angry
    agent         12–18              29–35             52–58
    """
    return [
        row(0, 10, 1, "neutral", "hello i have a question"),
        row(12, 18, 2, None, "how may i help you today"),
        row(20, 30, 1, "neutral", "it does not work"),
        row(29, 35, 2, None, "have you read the manual", loudness_dbfs=-30.0),
        row(38, 48, 1, "angry", "of course i have"),
        row(52, 58, 2, None, "i see"),
        row(60, 70, 1, "angry", "this is outrageous", loudness_dbfs=-10.0),
    ]
