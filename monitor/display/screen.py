"""The view of a replay or of live listening: while it runs, and when it is over."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from textwrap import wrap

from rich.console import Console
from rich.live import Live
from rich.style import Style
from rich.text import Text

from monitor.display.palette import BOLD, LETTERS, QUIET, SPEAKER_WIDTH, bar, block, clock, fitted, ink, name, printable
from monitor.display.summary import summary
from monitor.display.time_axis import CURVE_HEIGHT, Span, axis, curve, turn_blocks
from monitor.display.turns import LATEST_HEIGHT, latest, table
from monitor.flow import ChannelNow
from monitor.timeline.timeline import TimelineSnapshot

_LABEL_WIDTH = SPEAKER_WIDTH + 1
_TALK_WIDTH = 9
_METER = 10
_LOWEST_DBFS = -60.0
"""The level at which the meter is empty; it is full at full scale."""
_STATE = 14
_NAME = len("neutral? ")
_ROOM_FOR_NAMES = 50
_SECONDS_A_CELL = 2.0
_ALERT_SHOWN_S = 20.0
_BEHIND_S = 1.0
_TURNS_WAITING = 2
_NOTICE_LINES = 2
_FEWEST_ROWS = 3
_MOST_ROWS_AFTERWARDS = 10
_SMALLEST, _TALLEST = 12, 44
_FRAMES_PER_SECOND = 4
_KEYS = "space pause   m mark   q quit"


@dataclass(frozen=True)
class Session:
    """Properties of a replay or of live monitoring that do not change: `keys` says whether keys are obeyed."""

    source: str
    speakers: tuple[str, ...]
    checkpoint: str
    transcriber: str
    live: bool = False
    duration_s: float | None = None
    explain: bool = False
    keys: bool = False


@dataclass(frozen=True)
class Snapshot:
    """The changing state of a replay or of live monitoring, which alone has what follows `stopped`."""

    timeline: TimelineSnapshot = field(default_factory=TimelineSnapshot)
    position_s: float = 0.0
    stopped: bool = False  # whether a replay was stopped before its end
    channels: tuple[ChannelNow, ...] = ()
    dropped_ms: int = 0
    behind_s: float = 0.0  # seconds of sound that have not been looked at yet
    turns_waiting: int = 0  # utterances that wait for their scores
    paused: bool = False
    waiting: bool = False  # whether the device is away and waited for
    notice: str = ""  # the last sentence that the program had to say, if that is not long ago


def running(session: Session, snapshot: Snapshot, width: int, height: int) -> list[Text]:
    """The view meanwhile, in exactly `height` lines of at most `width` cells.

    Where they are few, the newest turn's bars go first, then the curve.
    """
    turns = snapshot.timeline.turns
    above = [*_title(session, snapshot), _alert(snapshot), *_lanes(session, snapshot, width)]
    channels = zip(snapshot.channels, session.speakers, strict=False)
    now = [_channel_line(channel, speaker, snapshot, width) for channel, speaker in channels]
    below = [*_notice(snapshot, width), Text(_KEYS if session.keys else "Ctrl-C ends", QUIET)] if session.live else []
    room = height - len(above) - len(now) - len(below) - 1 - _FEWEST_ROWS
    newest: list[Text] = []
    if room > LATEST_HEIGHT + session.explain:
        newest = [Text(""), *latest(turns, width, explain=session.explain)]
        room -= len(newest)
    if session.live and room >= CURVE_HEIGHT:
        above += curve(turns, _span(session, snapshot, width), snapshot.position_s, _LABEL_WIDTH)
        room -= CURVE_HEIGHT
    blanks = [Text("")] if room >= 2 else []
    lines = [*above, *blanks, *now, *newest, *blanks]
    rows = max(0, height - len(lines) - len(below) - 1)
    lines += [*table(turns, rows, width), *below]
    return _cut(lines[:height], width)


def finished(session: Session, snapshot: Snapshot, width: int, height: int) -> list[Text]:
    """The view that stays when it is over, in at most `height` lines, if the totals allow.

    A recording's turns over the time axis; the last turns, the notes and the totals.
    """
    turns = snapshot.timeline.turns
    above = [*_title(session, snapshot, over=True), Text("")]
    if not session.live:
        above += [*_lanes(session, snapshot, width), Text("")]
    below = [*summary(snapshot.timeline.totals, width), *_notes(snapshot)]
    rows = max(0, min(height - len(above) - len(below) - 2, _MOST_ROWS_AFTERWARDS, len(turns)))
    middle = [*table(turns, rows, width), Text("")] if rows else []
    return _cut([*above, *middle, *below], width)


def state(session: Session, snapshot: Snapshot, *, over: bool) -> str:
    """What is going on, and when: `listening 5:03`, `stopped at 0:21 of 1:00`."""
    at = clock(snapshot.position_s)
    if session.live:
        doing = "waiting for the device" if snapshot.waiting else "paused" if snapshot.paused else "listening"
        return f"{'ended at' if over else doing} {at}"
    if over and not snapshot.stopped:
        return at
    whole = "" if session.duration_s is None else f" of {clock(session.duration_s)}"
    return f"{'stopped at ' if over else ''}{at}{whole}"


def _title(session: Session, snapshot: Snapshot, *, over: bool = False) -> list[Text]:
    title = Text(printable(session.source) + "  ", BOLD)
    title.append(state(session, snapshot, over=over), Style(reverse=not over and (snapshot.waiting or snapshot.paused)))
    transcriber = "no transcript" if session.transcriber == "none" else session.transcriber
    facts = [f"checkpoint {printable(session.checkpoint)}", transcriber]
    if snapshot.dropped_ms > 0:
        facts.insert(0, f"{snapshot.dropped_ms / 1000:.1f} s dropped")
    if snapshot.behind_s > _BEHIND_S and not over:
        facts.insert(0, f"{snapshot.behind_s:.0f} s behind")
    if snapshot.turns_waiting > _TURNS_WAITING and not over:
        facts.insert(0, f"{snapshot.turns_waiting} turns waiting")
    return [title, Text(" · ".join(facts), QUIET)]


def _alert(snapshot: Snapshot) -> Text:
    """The last alert while it is fresh."""
    alerts = snapshot.timeline.alerts
    if not alerts or snapshot.position_s - alerts[-1].time_s >= _ALERT_SHOWN_S:
        return Text("")
    alert = alerts[-1]
    text = f" ALERT {clock(alert.time_s)} {printable(alert.speaker)}: {printable(alert.rule)} ({alert.probability:.2f})"
    return Text().append(f" {LETTERS[alert.emotion]} ", block(alert.emotion)).append(text, BOLD)


def _notice(snapshot: Snapshot, width: int) -> list[Text]:
    """The last notice, in as many lines as it needs, but not in more than two."""
    lines = wrap(printable(snapshot.notice), width)
    if len(lines) > _NOTICE_LINES:
        lines[_NOTICE_LINES - 1 :] = [" ".join(lines[_NOTICE_LINES - 1 :])]
    return [Text(line, BOLD) for line in lines]


def _span(session: Session, snapshot: Snapshot, width: int) -> Span:
    """The whole recording; live, the last minutes, by whole cells, so that the blocks keep their shape."""
    cells = max(1, width - _LABEL_WIDTH - _TALK_WIDTH)
    if not session.live:
        return Span(0.0, max(snapshot.position_s, session.duration_s or 0.0, 1.0), cells)
    length_s = cells * _SECONDS_A_CELL
    end_s = max(length_s, math.floor(snapshot.position_s / _SECONDS_A_CELL + 1) * _SECONDS_A_CELL)
    return Span(end_s - length_s, end_s, cells)


def _lanes(session: Session, snapshot: Snapshot, width: int) -> list[Text]:
    """The time axis with the marks, and for each channel its turns and the talk time."""
    span = _span(session, snapshot, width)
    times = axis(span)
    for mark in snapshot.timeline.marks:
        if span.start_s <= mark.time_s < span.end_s:
            times = _put(times, span.cell(mark.time_s), Text("▼", BOLD))
    lines = [Text(" " * _LABEL_WIDTH).append_text(times).append("talk".rjust(_TALK_WIDTH - 1), QUIET)]
    for channel, speaker in enumerate(session.speakers, start=1):
        turns = [turn for turn in snapshot.timeline.turns if turn.channel == channel]
        talk_s = sum(totals.talk_s for totals in snapshot.timeline.totals if totals.channel == channel)
        blocks = turn_blocks(turns, span, snapshot.position_s)
        since_s = snapshot.channels[channel - 1].since_s if channel <= len(snapshot.channels) else None
        if since_s is not None and since_s < span.end_s:  # the current turn, which is not written yet
            first = span.cell(max(since_s, span.start_s))
            blocks = _put(blocks, first, Text("▒" * max(1, span.cell(snapshot.position_s) + 1 - first), QUIET))
        line = Text(f"{name(speaker)} ").append_text(blocks)
        lines.append(line.append(f"{clock(talk_s):>{_TALK_WIDTH - 1}}", BOLD))
    return lines


def _put(line: Text, place: int, over: Text) -> Text:
    return line[:place] + over + line[place + len(over) :]


def _channel_line(channel: ChannelNow, speaker: str, snapshot: Snapshot, width: int) -> Text:
    """Label, level meter, state, provisional emotion with a question mark, words so far."""
    level = max(0.0, min(1.0, 1 - channel.level_dbfs / _LOWEST_DBFS))
    line = Text(f"{name(speaker)} {fitted(bar(level, _METER), _METER)}")
    line.append(f" {channel.level_dbfs:4.0f} dB  " if channel.level_dbfs > _LOWEST_DBFS else " " * 10, QUIET)
    if channel.since_s is None:
        doing = "paused" if snapshot.paused else "quiet"
    else:
        doing = f"speaking {clock(max(0.0, snapshot.position_s - channel.since_s))}"
    line.append(fitted(doing, _STATE), BOLD if channel.speaking else QUIET)
    if channel.speaking and channel.scores is not None:
        emotion = channel.scores.emotion
        named = f"{emotion}? ".ljust(_NAME) if width - line.cell_len > _ROOM_FOR_NAMES else ""
        line.append(f" {LETTERS[emotion]}? ", ink(emotion) + Style(dim=True, reverse=True))
        line.append(f" {named}{channel.scores.confidence:.2f} ", QUIET)
    if channel.speaking and channel.words:
        line.append(f" {_end_of(printable(channel.words), width - line.cell_len - 2)}…", QUIET)
    return line


def _end_of(words: str, room: int) -> str:
    """The last words that fit: they are the ones that are still coming."""
    kept = words.split(" ")
    while len(kept) > 1 and 1 + Text(" ".join(kept)).cell_len > room:
        kept = kept[1:]
    text = " ".join(kept)
    return text if text == words else "…" + text


def _notes(snapshot: Snapshot) -> list[Text]:
    marks = ", ".join(clock(mark.time_s) for mark in snapshot.timeline.marks)
    alerts = ", ".join(f"{clock(one.time_s)} {printable(one.speaker)}" for one in snapshot.timeline.alerts)
    return [Text(f"{what} at {times}.") for what, times in (("Marks", marks), ("Alerts", alerts)) if times]


def _cut(lines: list[Text], width: int) -> list[Text]:
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines


def running_screen(console: Console, session: Session, snapshot: Callable[[], Snapshot]) -> Live:
    """The running view on a terminal, drawn again and again from rich's own thread, which calls `snapshot`.

    Live it has the alternate screen, so that resizing leaves nothing of an older frame behind; a replay is below what
    was printed before. Both go when they are stopped.
    """

    def frame() -> Text:
        width, height = console.size
        if not session.live:  # the cursor needs a line
            height = max(_SMALLEST, min(_TALLEST, height - 1))
        return _drawn(running(session, snapshot(), width, height))

    return Live(
        console=console,
        get_renderable=frame,
        refresh_per_second=_FRAMES_PER_SECOND,
        screen=session.live,
        transient=True,
        vertical_overflow="crop",
    )


def print_finished(console: Console, session: Session, snapshot: Snapshot) -> None:
    """Print the view that stays, in a line less than the terminal has, because the cursor needs one."""
    width, height = console.size
    console.print(_drawn(finished(session, snapshot, width, height - 1)))


def _drawn(lines: Sequence[Text]) -> Text:
    """Lines as rich draws them, none of them ever folded."""
    return Text("\n", no_wrap=True, overflow="crop", end="").join(lines)
