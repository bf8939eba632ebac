"""A turn as one row of named values: what every format of a timeline has in common."""

from __future__ import annotations

import math
from collections.abc import Sequence

from monitor.flow import Turn
from monitor.timeline.salience import salient_span
from stser_core.emotions import LABELS, index
from stser_core.scores import CLASSIFIERS, EmotionScores

COLUMNS: tuple[str, ...] = (
    "recording",
    "channel",
    "speaker",
    "turn",
    "start_s",
    "end_s",
    "emotion",
    "confidence",
    *(f"p_{label}" for label in LABELS),
    *(f"{classifier}_emotion" for classifier in CLASSIFIERS),
    "transcript",
    "transcript_confidence",
    "loudness_dbfs",
    "dropped_ms",
    "checkpoint",
)
"""The columns of a timeline, in their order."""

SALIENT_COLUMNS: tuple[str, ...] = ("salient_start_s", "salient_end_s")
"""The columns that follow them where the timeline explains."""

Value = str | int | float | None

_DECIMALS = 4


def row(turn: Turn) -> dict[str, Value]:
    """The values of one turn by column.

    Numbers are rounded as they are to be printed: times to milliseconds, probabilities to four decimals that
    sum to 1, loudness to a tenth of a decibel.

    Args:
        turn: Any turn.

    Returns:
        A value for each of `COLUMNS`, in that order; `None` for what is not known.
    """
    transcript = turn.transcript
    return {
        "recording": turn.recording,
        "channel": turn.channel,
        "speaker": turn.speaker,
        "turn": turn.turn,
        "start_s": round(turn.start_s, 3),
        "end_s": round(turn.end_s, 3),
        **_scores(turn.scores),
        "transcript": None if transcript is None else transcript.text,
        "transcript_confidence": None if transcript is None else _rounded(transcript.confidence, _DECIMALS),
        "loudness_dbfs": _rounded(turn.loudness_dbfs, 1),
        "dropped_ms": turn.dropped_ms,
        "checkpoint": turn.checkpoint,
    }


def salient_columns(turn: Turn) -> dict[str, Value]:
    """Where the speech encoder's attention rested: a value for each of `SALIENT_COLUMNS`, `None` where unknown."""
    span = salient_span(turn) or (None, None)
    return {column: _rounded(value, 3) for column, value in zip(SALIENT_COLUMNS, span, strict=True)}


def printed_probabilities(probabilities: Sequence[float]) -> tuple[float, ...]:
    """Round probabilities to four decimals so that the printed ones still sum to 1.

    Each is cut off after its fourth decimal, and what is missing to 1 goes to the largest remainders (the
    method that elections know as Hare–Niemeyer). The order of the probabilities stays, and none moves by more
    than 0.0001.

    Args:
        probabilities: Non-negative numbers that sum to 1, up to the error of the arithmetic.

    Returns:
        As many numbers, each a multiple of 0.0001.
    """
    scale = 10**_DECIMALS
    total = math.fsum(probabilities)
    exact = [probability / total * scale for probability in probabilities]
    units = [math.floor(value) for value in exact]
    by_remainder = sorted(range(len(units)), key=lambda place: units[place] - exact[place])
    for place in by_remainder[: scale - sum(units)]:
        units[place] += 1
    return tuple(unit / scale for unit in units)


def _scores(scores: EmotionScores | None) -> dict[str, Value]:
    if scores is None:
        names = COLUMNS[COLUMNS.index("emotion") : COLUMNS.index("transcript")]
        return dict.fromkeys(names)
    probabilities = printed_probabilities(scores.ensemble)
    return {
        "emotion": scores.emotion,
        "confidence": probabilities[index(scores.emotion)],
        **{f"p_{label}": value for label, value in zip(LABELS, probabilities, strict=True)},
        **{f"{classifier}_emotion": scores.emotion_of(classifier) for classifier in CLASSIFIERS},
    }


def _rounded(value: float | None, decimals: int) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, decimals)
