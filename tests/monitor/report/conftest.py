"""Timelines whose pages are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from monitor.flow import Word
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS

MakeTurn = Callable[..., Turn]


@pytest.fixture
def row() -> MakeTurn:
    """Make a turn of a timeline: `row(1, 0.0, 2.0, "angry", said="no")`."""

    def make(turn: int, start_s: float, end_s: float, emotion: str | None, said: str = "", **changes: Any) -> Turn:
        share = 0.7
        spread = {f"p_{label}": share if label == emotion else (1 - share) / 3 for label in LABELS}
        words = said.split()
        step = (end_s - start_s) / max(1, len(words))
        values: dict[str, Any] = {
            "recording": "call.wav",
            "channel": 1,
            "speaker": "customer",
            "turn": turn,
            "start_s": start_s,
            "end_s": end_s,
            "emotion": emotion,
            "confidence": None if emotion is None else share,
            **({} if emotion is None else spread),
            "transcript": said or None,
            "words": tuple(
                Word(word, start_s + place * step, start_s + (place + 1) * step, 0.9)
                for place, word in enumerate(words)
            )
            or None,
            "checkpoint": "default",
            "loudness_dbfs": -24.0,
        }
        return Turn(**{**values, **changes})

    return make


@pytest.fixture
def agent(row: MakeTurn) -> MakeTurn:
    """The same for the other channel, which is not scored."""
    return lambda *values, **changes: row(*values[:3], None, *values[3:], channel=2, speaker="agent", **changes)
