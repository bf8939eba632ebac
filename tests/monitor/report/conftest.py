"""Timelines whose pages are known."""

from collections.abc import Callable
from typing import Any

import pytest

from monitor.flow import Word
from monitor.timeline.turn import Turn

MakeTurn = Callable[..., Turn]


@pytest.fixture
def row(row: MakeTurn) -> MakeTurn:
    """Make a turn of a timeline, its words evenly spoken: `row(1, 0.0, 2.0, "angry", said="no")`."""

    def make(turn: int, start_s: float, end_s: float, emotion: str | None, said: str = "", **changes: Any) -> Turn:
        step = (end_s - start_s) / max(1, len(said.split()))
        words = tuple(
            Word(word, start_s + place * step, start_s + (place + 1) * step, 0.9)
            for place, word in enumerate(said.split())
        )
        values = {"turn": turn, "channel": 1, "words": words or None, "checkpoint": "default", **changes}
        return row(start_s, end_s, emotion=emotion, said=said or None, **values)

    return make


@pytest.fixture
def agent(row: MakeTurn) -> MakeTurn:
    """The same for the other channel, which is not scored."""
    return lambda *values, **changes: row(*values[:3], None, *values[3:], channel=2, speaker="agent", **changes)
