"""Lines: calls in progress, each with a pipeline and a timeline of its own, and one copy of the models for all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from secrets import token_hex
from threading import Lock, Thread
from typing import TYPE_CHECKING

from monitor.alerts import Alarm, Rule
from monitor.exporters.csv import CsvLines
from monitor.exporters.exporter import Exporter
from monitor.exporters.jsonl import JsonLines, turn_object
from monitor.pipeline.pipeline import Pipeline
from monitor.roles import Role
from monitor.segmenter.settings import SegmenterSettings
from monitor.serve.calls import (
    MOMENT,
    REMEMBERED,
    WAITING,
    Call,
    forgettable,
    iso,
    keep_acknowledged,
    read_call,
)
from monitor.serve.security import Limits
from monitor.serve.source import LineSource, SegmenterThread
from monitor.timeline.notes import note_object
from monitor.timeline.turn import Turn
from stser_core.emotions import LABELS
from stser_core.errors import DataError, OutputError, StserError

if TYPE_CHECKING:
    from monitor.flow import ChannelNow
    from monitor.serve.events import EventLog
    from monitor.serve.metrics import Metrics
    from monitor.serve.protocols import Sound, Start
    from monitor.serve.shared_models import SharedScorer
    from monitor.timeline.notes import Alert
    from monitor.transcribers import Transcriber

_PUNCTUAL_S = 1.0
_LITTLE_S = 0.02
"""Sound that is ahead by more than a second need not come now: while much of it waits, its sender waits so long."""

_ALERT = b'"alert"'
_KEPT_CHARACTERS = 64
_ODD = re.compile(r"[^A-Za-z0-9_-]+")
_NAME = re.compile(r"\d{8}-\d{6}-[A-Za-z0-9_-]+")

ENDED, LOST, IDLE, BROKEN, STOPPED, FAILED = "ended", "lost", "idle", "broken", "stopped", "failed"
"""Why a call ended: its sender said so; the connection went away; no sound came any more; what came was not of the
protocol; the server was stopped; or its timeline could not be written."""


@dataclass(frozen=True)
class Shared:
    """What all lines share."""

    folder: Path  # where their timelines are written
    scorer: SharedScorer
    transcriber: Transcriber
    log: EventLog
    metrics: Metrics
    limits: Limits = field(default_factory=Limits)
    segmentation: SegmenterSettings = field(default_factory=SegmenterSettings)
    segmenter: SegmenterThread = field(default_factory=SegmenterThread)
    names: tuple[str, ...] = ("customer", "agent")  # speakers of the usual channels
    score_agents: bool = False
    transcripts: bool = True  # whether words may be kept
    rules: tuple[Rule, ...] = ()
    takers: tuple[Callable[[str], None], ...] = ()  # get the turn of each alert as JSON

    def role(self, place: int, given: Sequence[str] = ()) -> Role:
        """The role of a channel, by its place among the usual ones, or among the names that the sender gives."""
        names = given or self.names
        speaker = names[place] if place < len(names) else f"speaker{place + 1}"
        return Role.of(speaker, score_agents=self.score_agents)


class Line:
    """A call in progress, whose turns are found by the threads of its pipeline.

    Attributes:
        call: What is known of it.
        reason: Why it takes no more sound; `None` while it does.
        pipeline: Finds its turns.
        thread: Ends when all is written.
    """

    def __init__(
        self, call: Call, shared: Shared, start: Start, paths: tuple[Path, Path], ended: Callable[[Line], None]
    ) -> None:
        """Open the timeline's files, new CSV and JSON Lines; nothing runs yet. `ended` is called when all is written.

        Raises:
            OutputError: A file cannot be written.
        """
        self.call = call
        self.reason: str | None = None
        self._shared = shared
        self._ended = ended
        self._source = LineSource(call.name, start, shared.segmenter, shared.limits, shared.metrics)
        self._exporters = (Exporter(str(paths[0]), CsvLines(live=True)), Exporter(str(paths[1]), JsonLines()))
        alarm = Alarm(shared.rules, self._alerted, shared.takers)
        self.pipeline = Pipeline(
            self._source,
            roles=call.roles,
            transcriber=shared.transcriber,
            scorer=shared.scorer,
            estimate=shared.scorer.estimate,
            outputs=[*(exporter.write for exporter in self._exporters), self._publish_turn, alarm.check],
            transcripts=shared.transcripts,
            dated=True,
            segmentation=shared.segmentation,
            follow=lambda: shared.log.followed > 0,
            timings=shared.metrics.written,
        )
        self.thread = Thread(target=self._run, name=f"line {call.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        call = self.call
        self._publish("call_started", source=call.source, started_at=call.started_at, channels=call.channels())
        self.thread.start()

    @property
    def early_s(self) -> float:
        """For how long its sender has to wait: it is ahead of real time, or sends more than is processed."""
        ahead_s, lead_s = self._source.ahead_s, self._shared.limits.lead_s
        if self.reason is not None or ahead_s <= _PUNCTUAL_S:
            return 0.0
        return min(max(ahead_s - lead_s, _LITTLE_S * self._source.filling), _PUNCTUAL_S)

    def take(self, sound: Sound) -> None:
        """Take a frame. In the event loop."""
        self._source.put(sound)

    def end(self, reason: str) -> None:
        """Take no more sound; what came is finished. In the event loop."""
        if self.reason is None:
            self.reason = reason
            self._source.stop()

    def now(self) -> dict[str, object]:
        """The present state, for the event `now`."""
        pipeline = self.pipeline
        return {
            "call": self.call.name,
            "position_s": round(pipeline.position_s, 2),
            "dropped_ms": pipeline.dropped_ms,
            "channels": [_channel_now(channel, state) for channel, state in enumerate(pipeline.channels, start=1)],
        }

    def _run(self) -> None:
        try:
            with ExitStack() as files:
                for exporter in self._exporters:
                    files.callback(exporter.close)
                for exporter in self._exporters:
                    exporter.begin()
                self.pipeline.run()
                for exporter in self._exporters:
                    exporter.finish()
        except Exception as error:  # noqa: BLE001  one line's fault is not another's
            self.reason = FAILED
            foreseen = isinstance(error, StserError)
            what = str(error) if foreseen else f"an unforeseen fault ({type(error).__name__}: {error})."
            self._shared.metrics.say(f"{self.call.name}: {what}")
        self._conclude()

    def _conclude(self) -> None:
        call = self.call
        self._source.stop()
        call.position_s = self.pipeline.position_s
        call.reason = self.reason or STOPPED
        call.ended_at = iso(datetime.now())
        self._ended(self)
        values = {name: call.values()[name] for name in ("ended_at", "reason", "position_s", "turns")}
        self._publish("call_ended", **values, report=f"/calls/{call.name}/report")

    def _publish_turn(self, turn: Turn) -> None:
        self.call.turns += 1
        self.call.emotions[turn.channel - 1] = turn.emotion
        self._shared.metrics.turns.inc()
        self._publish("turn", **turn_object(turn))

    def _alerted(self, alert: Alert) -> None:
        timed = replace(alert, at=self.pipeline.clock(alert.time_s))
        for exporter in self._exporters:
            exporter.write_note(timed)
        self.call.alerts += 1
        self._shared.metrics.alerts.inc()
        self._publish("alert", alert=self.call.alerts, **note_object(timed))

    def _publish(self, kind: str, /, **values: object) -> None:
        self._shared.log.add(kind, {"call": self.call.name, **values})


class RefusedError(StserError):
    """A line that is not taken."""


class Lines:
    """All lines, and the calls that have ended, also in earlier runs."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self._lock = Lock()
        self._lines: dict[str, Line] = {}
        self._calls = {call.name: call for call in self._earlier()}
        self._stopping = False

    @property
    def lines(self) -> list[Line]:
        """The calls in progress."""
        with self._lock:
            return list(self._lines.values())

    def open(self, start: Start, source: str, speakers: Sequence[str] = ()) -> Line:
        """Begin a line; `speakers` are those on its channels, where the sender names them. From any thread.

        Raises:
            RefusedError: There are too many, or the server is stopping.
            OutputError: Its timeline cannot be written.
        """
        with self._lock:
            if self._stopping:
                raise RefusedError("The server is stopping.")
            if len(self._lines) >= self.shared.limits.lines:
                raise RefusedError(f"There are {len(self._lines)} lines already; --max-lines allows no more.")
            moment = datetime.now()
            name, paths = self._new_files(moment, start.call)
            roles = tuple(self.shared.role(place, speakers) for place in start.places)
            call = Call(name, source, iso(moment), roles, emotions=[None] * len(roles))
            line = Line(call, self.shared, start, paths, self._when_ended)
            self._lines[name] = line
            self._calls[name] = call
            line.start()
        self.shared.metrics.calls.labels(source).inc()
        return line

    def calls(self) -> list[Call]:
        """All calls, as they are now."""
        with self._lock:
            for line in self._lines.values():
                line.call.position_s = line.pipeline.position_s
            return list(self._calls.values())

    def find(self, name: str) -> Call | None:
        """A call by its name, also one that is not listed any more."""
        if (call := next((call for call in self.calls() if call.name == name), None)) is not None:
            return call
        with suppress(OSError, DataError, ValueError):
            return read_call(self.path(name), self.shared.role) if _NAME.fullmatch(name) else None
        return None

    def path(self, name: str) -> Path:
        """Where a call's JSON Lines are."""
        return self.shared.folder / f"{name}.jsonl"

    def acknowledge(self, call: Call, alert: int) -> bool:
        """Note that somebody has seen to an alert; false where there is none of that number."""
        if not 1 <= alert <= call.alerts:
            return False
        with self._lock:
            if alert in call.acknowledged:
                return True
            call.acknowledged.add(alert)
            if call.name not in self._lines:
                self._keep(call.name, [alert])
        self.shared.log.add("acknowledged", {"call": call.name, "alert": alert})
        return True

    def stop(self) -> list[Line]:
        """Begin no more lines; those that there are still have to be ended."""
        with self._lock:
            self._stopping = True
            return list(self._lines.values())

    def _when_ended(self, line: Line) -> None:
        with self._lock:
            self._lines.pop(line.call.name, None)
            self._calls[line.call.name] = self._calls.pop(line.call.name)  # in the order in which they end
            for old in forgettable(
                {name: each.unacknowledged for name, each in self._calls.items() if name not in self._lines}
            ):
                del self._calls[old]
            self._keep(line.call.name, sorted(line.call.acknowledged))

    def _keep(self, name: str, alerts: Sequence[int]) -> None:
        """Note in a call's file which alerts somebody has seen to, so that it is still known after a restart."""
        try:
            keep_acknowledged(self.path(name), alerts)
        except OSError as error:
            self.shared.metrics.say(f"{name}: that its alert was acknowledged is not kept ({error.strerror}).")

    def _earlier(self) -> Iterator[Call]:
        """The last calls of earlier runs, and of some before them those with unacknowledged alerts."""
        names = sorted(path.stem for path in self.shared.folder.glob("*.jsonl") if _NAME.fullmatch(path.stem))
        last = names[-REMEMBERED:]
        for name in names[-WAITING:]:
            path = self.path(name)
            try:
                if name in last or _ALERT in path.read_bytes():
                    call = read_call(path, self.shared.role)
                    if name in last or call.unacknowledged:
                        yield call
            except (OSError, DataError, ValueError):
                self.shared.metrics.say(f"'{path}' is not the file of a call, and is left out.")

    def _new_files(self, moment: datetime, given: str) -> tuple[str, tuple[Path, Path]]:
        """A name that no other call has, and its files, new and empty.

        Only letters, digits, `-` and `_` of the sender's name are kept, behind the time of day, so that it can choose
        neither the folder nor another call's files.
        """
        kept = _ODD.sub("_", given)[:_KEPT_CHARACTERS].strip("_") or f"call-{token_hex(3)}"
        for number in count(1):
            name = f"{moment:{MOMENT}}-{kept}" + (f"-{number}" if number > 1 else "")
            paths = (self.shared.folder / f"{name}.csv", self.path(name))
            try:
                for path in paths:
                    path.open("x").close()
            except FileExistsError:
                continue
            except OSError as error:
                raise OutputError(f"Cannot write '{paths[0]}': {error.strerror}.") from error
            break
        return name, paths


def _channel_now(channel: int, state: ChannelNow) -> dict[str, object]:
    scores = state.scores
    probabilities = (None,) * len(LABELS) if scores is None else tuple(round(each, 4) for each in scores.ensemble)
    return {
        "channel": channel,
        "level_dbfs": round(state.level_dbfs, 1),
        "since_s": state.since_s,
        "words": state.words,
        "emotion": None if scores is None else scores.emotion,
        **{f"p_{label}": value for label, value in zip(LABELS, probabilities, strict=True)},
    }
