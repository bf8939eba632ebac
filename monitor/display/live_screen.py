"""The view of live listening, as lines and on a terminal: while it runs, and when it is over."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from textwrap import wrap

from rich.console import Console
from rich.style import Style
from rich.text import Text

from monitor.display.palette import BOLD, LETTERS, QUIET, Palette, clock, printable, transcriber_name
from monitor.display.screen import FEWEST_ROWS, LABEL_WIDTH, Screen, label, print_view, title, with_last_turns
from monitor.display.summary import summary
from monitor.display.time_axis import CURVE_HEIGHT, Span, axis, curve, turn_blocks
from monitor.display.turns import BRIEF_HEIGHT, LATEST_HEIGHT, brief, heading, latest, table
from monitor.flow import ChannelNow
from monitor.timeline.notes import Mark
from monitor.timeline.timeline import TimelineSnapshot

_METER = 10
_LOWEST_DBFS = -60.0
_STATE = 14
_NAME = len("neutral? ")
_ROOM_FOR_NAMES = 50
_TALK_WIDTH = 9
_SECONDS_A_CELL = 2.0
_ALERT_SHOWN_S = 20.0
_BEHIND_S = 1.0
_TURNS_WAITING = 2
_NOTICE_LINES = 2
_KEYS = "space pause   m mark   q quit"
_LEAVE = b"\x1b[?1049l\x1b[?25h"


@dataclass(frozen=True)
class LiveInfo:
    """Properties of live monitoring that do not change.

    Attributes:
        source: The device's name.
        speakers: The role of each channel.
        checkpoint: Name of the checkpoint.
        transcriber: Name of the transcriber.
        keys: Whether keys are obeyed.
    """

    source: str
    speakers: tuple[str, ...]
    checkpoint: str
    transcriber: str
    keys: bool = False


@dataclass(frozen=True)
class LiveSnapshot:
    """The changing state of live monitoring.

    Attributes:
        timeline: Turns, notes and figures so far.
        channels: What is going on in each channel.
        position_s: Seconds processed so far.
        dropped_ms: Milliseconds of sound that were lost.
        behind_s: Seconds of sound that have not been looked at yet.
        turns_waiting: Utterances that wait for their scores.
        paused: Whether listening is paused.
        waiting: Whether the device is away and waited for.
        notice: The last sentence that the program had to say, if that is not long ago.
    """

    timeline: TimelineSnapshot = field(default_factory=TimelineSnapshot)
    channels: tuple[ChannelNow, ...] = ()
    position_s: float = 0.0
    dropped_ms: int = 0
    behind_s: float = 0.0
    turns_waiting: int = 0
    paused: bool = False
    waiting: bool = False
    notice: str = ""


def listening(info: LiveInfo, snapshot: LiveSnapshot, width: int, height: int, palette: Palette) -> list[Text]:
    """The view while the device is listened to.

    Args:
        info: Device, speakers and models.
        snapshot: The present state.
        width: Cells in a line.
        height: How many lines to fill.
        palette: What the terminal can show.

    Returns:
        Exactly `height` lines. Where they are few, the curve goes first, then the newest turn's bars.
    """
    turns = snapshot.timeline.turns
    above = [*_title(info, snapshot, width, palette), _alert(snapshot, width, palette)]
    above += _speaker_lines(info, snapshot, width, palette)
    talking = _now(info, snapshot, width, palette)
    keys = Text(palette.fitted(_KEYS if info.keys else "Ctrl-C ends", width).rstrip(), QUIET)
    below = [*_notice(snapshot, width, palette), keys]
    room = height - len(above) - len(talking) - len(below) - 1 - FEWEST_ROWS
    newest: list[Text] = []
    if room >= BRIEF_HEIGHT + 1:
        full = room >= LATEST_HEIGHT + CURVE_HEIGHT + 4
        show = latest if full else brief
        newest = [Text(""), *show(turns, width, palette)]
        room -= len(newest)
    if room >= CURVE_HEIGHT:
        above += curve(turns, _span(snapshot, width), snapshot.position_s, LABEL_WIDTH, palette)
        room -= CURVE_HEIGHT
    blanks = [Text("")] if room >= 2 else []
    lines = [*above, *blanks, *talking, *newest, *blanks]
    rows = max(0, height - len(lines) - len(below) - 1)
    lines += [heading(turns, width, palette), *table(turns, rows, width, palette), *below]
    return lines[:height]


def ended(info: LiveInfo, snapshot: LiveSnapshot, width: int, height: int, palette: Palette) -> list[Text]:
    """The view that stays when it is over: the last turns, the notes and the figures.

    Args:
        info: Device, speakers and models.
        snapshot: The last snapshot.
        width: Cells in a line.
        height: How many lines it should stay below, if the figures allow.
        palette: What the terminal can show.
    """
    above = [*_title(info, snapshot, width, palette, over=True), Text("")]
    figures = [*summary(snapshot.timeline.figures, width, palette), *_notes(snapshot, width, palette)]
    return with_last_turns(above, snapshot.timeline.turns, figures, width, height, palette)


def _title(info: LiveInfo, snapshot: LiveSnapshot, width: int, palette: Palette, *, over: bool = False) -> list[Text]:
    state = "waiting for the device" if snapshot.waiting else "paused" if snapshot.paused else "listening"
    right = f"{'ended at' if over else state} {clock(snapshot.position_s)}"
    room = max(1, width - len(right) - 2)
    title = Text(palette.fitted(printable(info.source), room) + "  ", style=BOLD)
    normal = over or not (snapshot.waiting or snapshot.paused)
    title.append(right, BOLD if normal else Style(bold=True, reverse=True))
    facts = [f"checkpoint {printable(info.checkpoint)}", transcriber_name(info.transcriber)]
    if snapshot.dropped_ms > 0:
        facts.insert(0, f"{snapshot.dropped_ms / 1000:.1f} s dropped")
    if snapshot.behind_s > _BEHIND_S and not over:
        facts.insert(0, f"{snapshot.behind_s:.0f} s behind")
    if snapshot.turns_waiting > _TURNS_WAITING and not over:
        facts.insert(0, f"{snapshot.turns_waiting} turns waiting")
    return [title, Text(palette.fitted(palette.dot.join(facts), width).rstrip(), style=QUIET)]


def _alert(snapshot: LiveSnapshot, width: int, palette: Palette) -> Text:
    """The last alert while it is fresh."""
    alerts = snapshot.timeline.alerts
    if not alerts or snapshot.position_s - alerts[-1].time_s >= _ALERT_SHOWN_S:
        return Text("")
    alert = alerts[-1]
    text = f"ALERT {clock(alert.time_s)} {printable(alert.speaker)}: {printable(alert.rule)}"
    line = Text(f" {LETTERS[alert.emotion]} ", palette.block(alert.emotion))
    return line.append(palette.fitted(f" {text} ({alert.probability:.2f})", max(1, width - 3)).rstrip(), BOLD)


def _notice(snapshot: LiveSnapshot, width: int, palette: Palette) -> list[Text]:
    """The last notice, in as many lines as it needs, but not in more than two."""
    lines = wrap(printable(snapshot.notice), width)
    if len(lines) > _NOTICE_LINES:
        lines[_NOTICE_LINES - 1 :] = [" ".join(lines[_NOTICE_LINES - 1 :])]
    return [title(line, width, palette) for line in lines]


def _span(snapshot: LiveSnapshot, width: int) -> Span:
    """The last minutes. It moves by whole cells, so that the blocks keep their shape."""
    cells = max(1, width - LABEL_WIDTH - _TALK_WIDTH)
    length_s = cells * _SECONDS_A_CELL
    end_s = max(length_s, math.floor(snapshot.position_s / _SECONDS_A_CELL + 1) * _SECONDS_A_CELL)
    return Span(end_s - length_s, end_s, cells)


def _speaker_lines(info: LiveInfo, snapshot: LiveSnapshot, width: int, palette: Palette) -> list[Text]:
    span = _span(snapshot, width)
    lines = [_axis(snapshot.timeline.marks, span, palette)]
    talk_s = {(one.channel, one.speaker): one.talk_s for one in snapshot.timeline.figures}
    for channel, speaker in enumerate(info.speakers, start=1):
        turns = [turn for turn in snapshot.timeline.turns if turn.channel == channel]
        line = Text(label(speaker, palette))
        blocks = turn_blocks(turns, span, snapshot.position_s, palette)
        line.append_text(_with_turn_in_hand(blocks, snapshot, channel, span, palette))
        line.append(clock(talk_s.get((channel, speaker), 0.0)).rjust(_TALK_WIDTH - 1) + " ", BOLD)
        lines.append(line)
    return lines


def _axis(marks: Sequence[Mark], span: Span, palette: Palette) -> Text:
    line = axis(span)
    for mark in marks:
        if span.start_s <= mark.time_s < span.end_s:
            place = span.cell(mark.time_s)
            line = line[:place] + Text(palette.mark, BOLD) + line[place + 1 :]
    return Text(" " * LABEL_WIDTH).append_text(line).append("talk".rjust(_TALK_WIDTH - 1) + " ", QUIET)


def _with_turn_in_hand(blocks: Text, snapshot: LiveSnapshot, channel: int, span: Span, palette: Palette) -> Text:
    """The blocks, with the current turn at the end while it is not written yet."""
    since_s = snapshot.channels[channel - 1].since_s if channel <= len(snapshot.channels) else None
    if since_s is None or since_s >= span.end_s:
        return blocks
    first = span.cell(max(since_s, span.start_s))
    after = span.cell(snapshot.position_s) + 1
    return blocks[:first] + Text(palette.speaking * max(1, after - first), QUIET) + blocks[max(after, first + 1) :]


def _now(info: LiveInfo, snapshot: LiveSnapshot, width: int, palette: Palette) -> list[Text]:
    channels = snapshot.channels or (ChannelNow(),) * len(info.speakers)
    return [
        _channel_line(channel, speaker, snapshot, width, palette)
        for channel, speaker in zip(channels, info.speakers, strict=True)
    ]


def _channel_line(channel: ChannelNow, speaker: str, snapshot: LiveSnapshot, width: int, palette: Palette) -> Text:
    """Label, level meter, state, provisional emotion with a question mark, words so far."""
    line = Text(label(speaker, palette))
    line.append(palette.fitted(palette.bar(meter_share(channel.level_dbfs), _METER), _METER))
    line.append(f" {channel.level_dbfs:4.0f} dB  " if channel.level_dbfs > _LOWEST_DBFS else "          ", QUIET)
    if channel.since_s is None:
        state = "paused" if snapshot.paused else "quiet"
    else:
        state = f"speaking {clock(max(0.0, snapshot.position_s - channel.since_s))}"
    line.append(palette.fitted(state, _STATE), BOLD if channel.speaking else QUIET)
    if channel.speaking:
        line.append_text(_so_far(channel, width - line.cell_len, palette))
    line.truncate(width)
    return line


def meter_share(level_dbfs: float) -> float:
    """The part of the meter that a level fills: nothing at −60 dBFS, all of it at full scale."""
    return max(0.0, min(1.0, 1 - level_dbfs / _LOWEST_DBFS))


def _so_far(channel: ChannelNow, room: int, palette: Palette) -> Text:
    text = Text()
    if channel.scores is not None:
        emotion = channel.scores.emotion
        text.append(f" {LETTERS[emotion]}? ", palette.ink(emotion) + Style(dim=not palette.sixteen, reverse=True))
        name = f"{emotion}? ".ljust(_NAME) if room > _ROOM_FOR_NAMES else ""
        text.append(f" {name}{channel.scores.confidence:.2f} ", QUIET)
    if channel.words:
        text.append(" " + _end_of(printable(channel.words), room - text.cell_len - 2, palette), QUIET)
        text.append(palette.ellipsis, QUIET)
    return text


def _end_of(words: str, room: int, palette: Palette) -> str:
    """The last words that fit: they are the ones that are still coming."""
    kept = words.split(" ")
    while len(kept) > 1 and len(palette.ellipsis) + Text(" ".join(kept)).cell_len > room:
        kept = kept[1:]
    text = " ".join(kept)
    return text if text == words else palette.ellipsis + text


def _notes(snapshot: LiveSnapshot, width: int, palette: Palette) -> list[Text]:
    marks = ", ".join(clock(mark.time_s) for mark in snapshot.timeline.marks)
    alerts = ", ".join(f"{clock(one.time_s)} {printable(one.speaker)}" for one in snapshot.timeline.alerts)
    lines = [f"{what} at {times}." for what, times in (("Marks", marks), ("Alerts", alerts)) if times]
    return [Text(palette.fitted(line, width).rstrip()) for line in lines]


def live_screen(console: Console, info: LiveInfo, snapshot: Callable[[], LiveSnapshot]) -> Screen:
    """The view while the device is listened to, on a terminal; `snapshot` is called from another thread."""
    return Screen(console, lambda *room: listening(info, snapshot(), *room), alternate=True)


def print_ended(console: Console, info: LiveInfo, snapshot: LiveSnapshot) -> None:
    """Print the view that stays."""
    print_view(console, lambda *room: ended(info, snapshot, *room))


def leave_screen(terminal: int) -> None:
    """Give a terminal back at once, whatever is being drawn. Never waits."""
    os.write(terminal, _LEAVE)
