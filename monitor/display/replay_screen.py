"""The view of a replay, as lines and on a terminal: while it runs, and when it is over."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.style import Style
from rich.text import Text

from monitor.display.palette import BOLD, QUIET, SPEAKER_WIDTH, Palette, clock, printable, transcriber_name
from monitor.display.screen import FEWEST_ROWS, LABEL_WIDTH, Screen, label, print_view, title, with_last_turns
from monitor.display.summary import summary
from monitor.display.time_axis import Span, axis, turn_blocks
from monitor.display.turns import LATEST_HEIGHT, heading, latest, table
from monitor.timeline.timeline import speaker_figures
from monitor.timeline.turn import Turn

_SMALLEST = 12
_TALLEST = 44


@dataclass(frozen=True)
class Replay:
    """Properties of a replay that do not change.

    Attributes:
        recording: The recording's file name.
        duration_s: Its length in seconds, or `None` where the file does not tell.
        speakers: The role of each channel.
        checkpoint: Name of the checkpoint.
        classifier: The classifier that decides.
        transcriber: Name of the transcriber.
        explain: Whether to show where in a turn its emotion is.
    """

    recording: str
    duration_s: float | None
    speakers: tuple[str, ...]
    checkpoint: str
    classifier: str
    transcriber: str
    explain: bool = False


@dataclass(frozen=True)
class Progress:
    """The changing state of a replay: its turns so far, and the position in seconds."""

    turns: tuple[Turn, ...] = ()
    position_s: float = 0.0


def running(replay: Replay, progress: Progress, width: int, height: int, palette: Palette) -> list[Text]:
    """The view while the recording is replayed.

    Args:
        replay: Recording, speakers and models.
        progress: The present state.
        width: Cells in a line.
        height: How many lines to fill.
        palette: What the terminal can show.

    Returns:
        Exactly `height` lines, however much or little has been said.
    """
    lines = [
        *_title(replay, width, palette),
        Text(""),
        *_speaker_lines(replay, progress, width, palette),
        _progress_bar(replay, progress, width, palette),
        Text(""),
    ]
    if height - len(lines) >= LATEST_HEIGHT + replay.explain + 2 + FEWEST_ROWS:
        lines += [*latest(progress.turns, width, palette, explain=replay.explain), Text("")]
    rows = max(0, height - len(lines) - 1)
    lines += [heading(progress.turns, width, palette), *table(progress.turns, rows, width, palette)]
    return lines[:height]


def finished(
    replay: Replay, progress: Progress, width: int, height: int, palette: Palette, *, interrupted: bool = False
) -> list[Text]:
    """The view that stays when the replay is over: the time axis, the last turns and the figures.

    Args:
        replay: Recording, speakers and models.
        progress: The whole timeline.
        width: Cells in a line.
        height: How many lines it should stay below, if the figures allow.
        palette: What the terminal can show.
        interrupted: Whether the replay was stopped before its end.
    """
    above = [*_title(replay, width, palette), Text(""), *_speaker_lines(replay, progress, width, palette), Text("")]
    figures = summary(speaker_figures(progress.turns), width, palette)
    if interrupted:
        figures.append(Text(stopped_at(replay, progress), BOLD))
    return with_last_turns(above, progress.turns, figures, width, height, palette)


def stopped_at(replay: Replay, progress: Progress) -> str:
    """The position of an interrupted replay, as a sentence."""
    of_all = "" if replay.duration_s is None else f" of {clock(replay.duration_s)}"
    return f"Stopped at {clock(progress.position_s)}{of_all}."


def _title(replay: Replay, width: int, palette: Palette) -> list[Text]:
    channels = "1 channel" if len(replay.speakers) == 1 else f"{len(replay.speakers)} channels"
    facts = (
        *(() if replay.duration_s is None else (clock(replay.duration_s),)),
        channels,
        f"checkpoint {printable(replay.checkpoint)} ({replay.classifier})",
        transcriber_name(replay.transcriber),
    )
    return [
        title(printable(replay.recording), width, palette),
        Text(palette.fitted(palette.dot.join(facts), width).rstrip(), style=QUIET),
    ]


def _speaker_lines(replay: Replay, progress: Progress, width: int, palette: Palette) -> list[Text]:
    span = _span(replay, progress, width)
    lines = [Text(" " * LABEL_WIDTH).append_text(axis(span))]
    for channel, speaker in enumerate(replay.speakers, start=1):
        turns = [turn for turn in progress.turns if turn.channel == channel]
        blocks = turn_blocks(turns, span, progress.position_s, palette)
        lines.append(Text(label(speaker, palette)).append_text(blocks))
    return lines


def _progress_bar(replay: Replay, progress: Progress, width: int, palette: Palette) -> Text:
    span = _span(replay, progress, width)
    share = min(1.0, progress.position_s / span.end_s)
    cells = round(share * span.width)
    line = Text(palette.fitted(clock(progress.position_s), SPEAKER_WIDTH) + " ", style=QUIET)
    line.append(palette.played * cells, Style(dim=False))
    # Without colour or another glyph the rest must be blank, or the bar would always look full.
    return line.append(" " * (span.width - cells))


def _span(replay: Replay, progress: Progress, width: int) -> Span:
    end_s = max(progress.position_s, replay.duration_s or 0.0)
    return Span(0.0, max(end_s, 1.0), max(1, width - LABEL_WIDTH))


def replay_screen(console: Console, replay: Replay, progress: Callable[[], Progress]) -> Screen:
    """The running view on a terminal; `progress` is called from another thread."""

    def draw(width: int, height: int, palette: Palette) -> list[Text]:
        # One line less than the terminal has, because the cursor needs one.
        return running(replay, progress(), width, max(_SMALLEST, min(_TALLEST, height - 1)), palette)

    return Screen(console, draw)


def print_finished(console: Console, replay: Replay, progress: Progress, *, interrupted: bool = False) -> None:
    """Print the view that stays."""
    print_view(console, lambda *room: finished(replay, progress, *room, interrupted=interrupted))


def as_svg(replay: Replay, progress: Progress, *, interrupted: bool = False) -> str:
    """The view that stays as a picture of a terminal of 100 by 30 cells, in full colour."""
    with io.StringIO() as nowhere:
        console = Console(
            record=True, file=nowhere, width=100, height=30, color_system="truecolor", force_terminal=True
        )
        print_finished(console, replay, progress, interrupted=interrupted)
        return console.export_svg(title=f"stser-monitor replay {replay.recording}")
