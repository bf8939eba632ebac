"""Timelines whose pages are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.flow import Word
from monitor.timeline.row import TimelineRow
from stser_core.emotions import LABELS

MakeTurn = Callable[..., TimelineRow]


@pytest.fixture
def row() -> MakeTurn:
    """Make a turn of a timeline: `row(1, 0.0, 2.0, "angry", said="no")`."""

    def make(
        turn: int, start_s: float, end_s: float, emotion: str | None, said: str = "", **changes: Any
    ) -> TimelineRow:
        share = 0.7
        spread = {label: share if label == emotion else (1 - share) / 3 for label in LABELS}
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
            "probabilities": None if emotion is None else tuple(spread.values()),
            "transcript": said or None,
            "words": tuple(
                Word(word, start_s + place * step, start_s + (place + 1) * step, 0.9)
                for place, word in enumerate(words)
            )
            or None,
            "checkpoint": "default",
            "loudness_dbfs": -24.0,
        }
        return TimelineRow(**{**values, **changes})

    return make


@pytest.fixture
def agent(row: MakeTurn) -> MakeTurn:
    """The same for the other channel, which is not scored."""
    return lambda *values, **changes: row(*values[:3], None, *values[3:], channel=2, speaker="agent", **changes)


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Write turns and notes as the JSON Lines that `--jsonl` writes."""

    def write(rows: list[TimelineRow], notes: list[dict[str, object]] | None = None, name: str = "call.jsonl") -> Path:
        path = tmp_path / name
        lines = [json.dumps(_object(each), ensure_ascii=False) for each in rows] + [
            json.dumps(each) for each in notes or []
        ]
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        return path

    return write


def _object(row: TimelineRow) -> dict[str, object]:
    words = None
    if row.words is not None:
        words = [
            {"text": word.text, "start_s": word.start_s, "end_s": word.end_s, "confidence": word.confidence}
            for word in row.words
        ]
    return {**row.values(), "words": words, "classifiers": None, **row.extra}
