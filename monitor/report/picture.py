"""A timeline as one picture for a slide: lanes and curves of every speaker, 1600 × 900."""

from __future__ import annotations

import io
from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

from monitor.display.palette import LETTERS, Palette, clock, printable
from monitor.report.content import Report, ShownTurn
from monitor.report.curves import curve, window_s
from monitor.report.wording import lasting
from stser_core.emotions import LABELS
from stser_core.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INCHES = (16.0, 9.0)
_DOTS_PER_INCH = 100
_MOST_SPEAKERS = 4
"""More would not be readable on a slide."""

_LINES = {"angry": "#D55E00", "happy": "#8D8400", "neutral": "#767676", "sad": "#0072B2"}
"""The palette's colours, as dark as lines on white need; the page's style sheet has the same."""

_SCORED_HEIGHTS, _UNSCORED_HEIGHTS = [3, 4], [1]
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_MOST_TICKS = 12
_DASHES = {"angry": "-", "happy": "--", "neutral": ":", "sad": "-."}
_ROW = 0.84
_LETTER_SHARE = 0.012
"""A turn that is shorter than this share of the recording has no room for its letter."""


def draw(report: Report) -> bytes:
    """Draw a report's lanes and curves.

    Args:
        report: The content; of more than four speakers, the four who talk most are drawn.

    Returns:
        A PNG of 1600 × 900 dots.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ModuleNotFoundError as error:
        raise MissingExtraError("Drawing a picture (--png)", "report") from error

    layout = ConstrainedLayoutEngine(rect=(0.015, 0.015, 0.97, 0.97))
    figure = Figure(figsize=_INCHES, dpi=_DOTS_PER_INCH, layout=layout, facecolor="white")
    figure.suptitle(_shown(report.title), fontsize=22, fontweight="bold", x=0.02, y=0.985, ha="left", va="top")
    if report.turns:
        _draw_speakers(figure, report)
    else:
        figure.text(0.5, 0.5, "Nobody speaks in this timeline.", fontsize=20, ha="center")
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": "stser-monitor"})
    return file.getvalue()


def _shown(text: str) -> str:
    """A text as it stands: matplotlib would take what is between dollar signs for a formula."""
    return printable(text).replace("$", r"\$")


def _draw_speakers(figure: Figure, report: Report) -> None:
    """A lane for each speaker, with curves under it where the speaker was scored."""
    duration_s = report.call.duration_s
    lanes = _lanes(report)
    heights: list[int] = []
    for lane in lanes:
        heights += _SCORED_HEIGHTS if report.call.speakers[lane].emotions else _UNSCORED_HEIGHTS
    axes = iter(figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0])
    for lane in lanes:
        turns = [turn for turn in report.turns if turn.lane == lane]
        speaker = report.call.speakers[lane]
        last = next(axes)
        _draw_lane(last, turns, _shown(speaker.speaker) + ("" if speaker.emotions else " (not scored)"), duration_s)
        if speaker.emotions:
            last = next(axes)
            _draw_curves(last, turns, duration_s)
    _draw_time(last, duration_s)


def _lanes(report: Report) -> list[int]:
    speakers = report.call.speakers
    most = sorted(range(len(speakers)), key=lambda lane: -speakers[lane].talk_s)
    return sorted(most[:_MOST_SPEAKERS])


def _draw_lane(axes: Axes, turns: Sequence[ShownTurn], speaker: str, duration_s: float) -> None:
    """A row for each emotion, as on the page; a turn that was not scored lies between them."""
    palette = Palette()
    for turn in turns:
        row, emotion = turn.row, turn.row.emotion
        length_s = row.end_s - row.start_s
        if emotion is None:
            axes.broken_barh([(row.start_s, length_s)], (0.9, 1.2), facecolor="white", edgecolor="#7a838e")
            continue
        level = len(LABELS) - 1 - LABELS.index(emotion)
        colour = palette.ink(emotion).color
        assert colour is not None  # every emotion has one
        axes.broken_barh(
            [(row.start_s, length_s)],
            (level - _ROW / 2, _ROW),
            facecolor=colour.get_truecolor().hex,
            edgecolor=_LINES[emotion],
        )
        if length_s > _LETTER_SHARE * duration_s:
            ink = palette.block(emotion).color
            axes.text(
                row.start_s + length_s / 2,
                level,
                LETTERS[emotion],
                color=None if ink is None else ink.get_truecolor().hex,
                ha="center",
                va="center",
                fontsize=11,
                fontweight="bold",
                clip_on=True,
            )
    axes.set_title(speaker, loc="left", fontsize=16, fontweight="bold")
    axes.set_ylim(-0.5, len(LABELS) - 0.5)
    axes.set_facecolor("#f5f6f8")
    # A lane that is not scored needs no rows.
    scored = any(turn.row.emotion for turn in turns)
    axes.set_yticks(range(len(LABELS)), [f"{label}  {LETTERS[label]}" for label in reversed(LABELS)], fontsize=12)
    axes.tick_params(length=0, labelleft=scored)
    axes.spines[:].set_visible(False)


def _draw_curves(axes: Axes, turns: Sequence[ShownTurn], duration_s: float) -> None:
    times, probabilities = curve(turns, duration_s)
    for place, label in enumerate(LABELS):
        values = [of[place] for of in probabilities]
        axes.plot(times, values, color=_LINES[label], linestyle=_DASHES[label], linewidth=2.2, label=label)
    axes.set_ylim(-0.02, 1.02)
    axes.set_yticks([0, 0.5, 1], ["0", "50%", "100%"], fontsize=12)
    seconds = window_s(duration_s)
    if seconds is not None:
        axes.set_title(f"mean of {lasting(seconds)}", loc="left", fontsize=12, color="#535c67")
    axes.grid(color="#d5dae0")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(ncols=len(LABELS), loc="lower right", bbox_to_anchor=(1, 1), fontsize=12, frameon=False, handlelength=3)


def _draw_time(axes: Axes, duration_s: float) -> None:
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    axes.set_xlim(0, duration_s or 1)
    step_s = next((step for step in _STEPS_S if duration_s / step <= _MOST_TICKS), _STEPS_S[-1])
    axes.xaxis.set_major_locator(MultipleLocator(step_s * max(1, ceil(duration_s / step_s / _MOST_TICKS))))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: clock(max(0, seconds))))
    axes.tick_params(axis="x", labelsize=12, labelbottom=True)
    axes.set_xlabel(
        "What a model hears expressed, not what anybody feels", fontsize=12, loc="left", color="#535c67", labelpad=8
    )
