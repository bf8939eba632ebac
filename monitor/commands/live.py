"""The default command: puts a microphone, the pipeline, exporters, alerts and the live screen together."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitor.alerts.alarm import Alarm, ring
from monitor.alerts.command import AlertCommand, command_words
from monitor.alerts.rules import Rule, Watch, parse, require_speakers
from monitor.commands.analysis import Analysis, check_outputs, load_models, open_files, recogniser_name, wordless
from monitor.commands.interruption import Interruption
from monitor.commands.keys import Keys, can_be_read
from monitor.commands.live_view import LiveView
from monitor.commands.notices import Notices
from monitor.commands.replay_view import Manner, manner
from monitor.commands.suspension import Suspension
from monitor.commands.warming import warm_up
from monitor.display import Moment, Session, alert_line, line
from monitor.exporters.destination import STDOUT
from monitor.pipeline.pipeline import Pipeline
from monitor.pipeline.timings import Timings
from monitor.roles import Role, named, roles
from monitor.sources.recording import Mixed
from monitor.timeline.notes import Mark
from monitor.timeline.recent import Recent
from stser_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from monitor.commands.analysis import Files
    from monitor.flow import ChannelNow
    from monitor.sources import Source
    from monitor.transcribers import Transcriber
    from stser_core.recognizer import EmotionRecognizer

_STDIN = "-"
_CAPACITY = 256
"""Blocks that may wait, several seconds: what a busy machine may fall behind before sound is lost."""


@dataclass(frozen=True)
class LiveOptions:
    """What the user typed; the command's help says what each means."""

    device: str
    analysis: Analysis
    rate: int | None = None
    channels_in: int | None = None
    reconnect: bool = False
    alerts: tuple[str, ...] = ()
    on_alert: str | None = None
    timings: bool = False


def listen(options: LiveOptions, source: Source | None = None) -> int:
    """Listen until the user ends it, or the source does.

    Whatever can be wrong is looked at first, and the models are warm before the first sound is taken.

    Args:
        options: What the user typed.
        source: What to listen to instead of the device.

    Returns:
        0, also when the user quits with a key; 128 and a signal's number where one ended it.

    Raises:
        StserError: Something keeps the source from being listened to; what was finished before is in the outputs.
    """
    analysis = options.analysis
    notices = Notices(analysis.quiet)
    rules = [parse(text) for text in options.alerts]
    command = _command(options)
    check_outputs((analysis.csv, analysis.jsonl))
    source = source or _opened(options, notices)
    given = roles(analysis.channels, source.channels, source.name, score_agents=analysis.score_agents)
    require_speakers(rules, _names(given, scored=True), _names(given, scored=False))
    with ExitStack() as cleanup:
        files = open_files(analysis, cleanup)
        scorer, transcriber = load_models(analysis, notices)
        warm_up(scorer, transcriber)
        runner = None
        if command is not None:
            runner = AlertCommand(command, notices.say)
            cleanup.callback(runner.close)
        run = _Run(options, notices, source, given, files, scorer, transcriber, rules, runner)
        return run.run()


class _Run:
    """One run of the pipeline with all that belongs to it."""

    def __init__(
        self,
        options: LiveOptions,
        notices: Notices,
        source: Source,
        given: Sequence[Role],
        files: Files,
        scorer: EmotionRecognizer,
        transcriber: Transcriber,
        rules: Sequence[Rule],
        runner: AlertCommand | None,
    ) -> None:
        self._options = options
        self._notices = notices
        self._source = source
        self._files = files
        self._recent = Recent()
        self._timings = Timings() if options.timings else None
        self._how = _manner(options.analysis)
        self._marks = 0
        self._runner = runner
        self._session = Session(
            source=source.name,
            speakers=tuple(role.speaker for role in given),
            checkpoint=scorer.name,
            classifier=options.analysis.classifier,
            recogniser=recogniser_name(transcriber),
            explain=options.analysis.explain,
            keys=self._how is Manner.LIVE and can_be_read(sys.stdin),
        )
        self._pipeline = Pipeline(
            source if len(given) == source.channels else Mixed(source),
            roles=given,
            transcriber=transcriber,
            scorer=scorer,
            outputs=self._outputs(Alarm(Watch(rules), self._alert_receivers(), runner)),
            note_outputs=[self._recent.add_note, *self._note_writers()],
            capacity=_CAPACITY,
            follow=self._how is Manner.LIVE,
            timings=self._timings,
        )

    def run(self) -> int:
        """Run until it ends, and say how long turns took where that was asked for."""
        self._files.begin()
        view = LiveView(self._how, self._notices, self._session, self._moment)
        restore, leave, resume = [view.restore], [view.uncover], [view.cover]
        # Signals are taken until the terminal is back as it was.
        with ExitStack() as terminal:
            terminal.callback(self._tell_timings)  # last of all, after a failure too
            interruption = terminal.enter_context(
                Interruption(self._pipeline.stop, self._abort, lambda: _call_all(restore))
            )
            terminal.enter_context(view)
            if self._session.keys:
                keys = terminal.enter_context(Keys(sys.stdin, self._actions()))
                restore.append(keys.restore)
                leave.append(keys.restore)
                # First the keys: in the background, the system stops here whoever changes the terminal.
                resume.insert(0, keys.take)
            if self._how is Manner.LIVE:
                terminal.enter_context(Suspension(lambda: _call_all(leave), lambda: _call_all(resume)))
            self._pipeline.run()
        return interruption.exit_code

    def _tell_timings(self) -> None:
        if self._timings is not None:
            print("\n".join(self._timings.lines()), file=sys.stderr, flush=True)

    def _outputs(self, alarm: Alarm) -> list[Callable[..., None]]:
        outputs: list[Callable[..., None]] = [exporter.write for exporter in self._files.exporters]
        if self._how is Manner.LINES:
            outputs.append(lambda turn: self._notices.line(line(turn)))
        outputs += [self._recent.add, alarm.hear]
        return outputs if self._options.analysis.transcripts else [wordless(output) for output in outputs]

    def _note_writers(self) -> list[Callable[..., None]]:
        return [] if self._files.jsonl is None else [self._files.jsonl.write_note]

    def _alert_receivers(self) -> list[Callable[..., None]]:
        receivers: list[Callable[..., None]] = [*self._note_writers(), self._recent.add_note, ring]
        if self._how is Manner.LINES:
            receivers.append(lambda alert: self._notices.line(alert_line(alert)))
        return receivers

    def _actions(self) -> dict[str, Callable[[], None]]:
        return {" ": self._pause, "p": self._pause, "m": self._mark, "q": self._pipeline.stop}

    def _abort(self) -> None:
        if self._runner is not None:
            self._runner.hurry()
        self._pipeline.abort()

    def _pause(self) -> None:
        self._pipeline.pause(not self._pipeline.paused)

    def _mark(self) -> None:
        self._marks += 1
        self._pipeline.note(Mark(self._marks, self._pipeline.position_s))

    def _channels(self) -> tuple[ChannelNow, ...]:
        channels = self._pipeline.channels
        return channels if self._options.analysis.transcripts else tuple(replace(one, words="") for one in channels)

    def _moment(self, notice: str) -> Moment:
        pipeline = self._pipeline
        return Moment(
            heard=self._recent.snapshot(),
            channels=self._channels(),
            position_s=pipeline.position_s,
            dropped_ms=pipeline.dropped_ms,
            behind_s=pipeline.behind_s,
            turns_waiting=pipeline.turns_waiting,
            paused=pipeline.paused,
            waiting=bool(getattr(self._source, "waiting", False)),
            notice=notice,
        )


def _call_all(calls: Sequence[Callable[[], None]]) -> None:
    for call in calls:
        call()


def _opened(options: LiveOptions, notices: Notices) -> Source:
    channels = options.channels_in or len(named(options.analysis.channels)) or 1
    if options.device == _STDIN:
        if options.reconnect:
            raise UsageError("--reconnect is for a microphone; --device - ends where standard input ends.")
        from monitor.sources.raw_pcm import RawPcm

        return RawPcm(sys.stdin.buffer, rate=options.rate or 16_000, channels=channels)
    if options.rate is not None:
        raise UsageError("--rate is for --device - only; a microphone says its rate itself.")
    from monitor.sources.microphone import Microphone

    return Microphone(options.device, channels=channels, reconnect=options.reconnect, notices=notices.say)


def _command(options: LiveOptions) -> list[str] | None:
    if options.on_alert is None:
        return None
    if not options.alerts:
        raise UsageError("--on-alert does nothing without --alert.")
    return command_words(options.on_alert)


def _names(given: Sequence[Role], *, scored: bool) -> list[str]:
    return [role.speaker for role in given if role.scored is scored]


def _manner(analysis: Analysis) -> Manner:
    return manner(
        quiet=analysis.quiet,
        results_on_stdout=STDOUT in (analysis.csv, analysis.jsonl),
        terminal=sys.stdout.isatty() and os.environ.get("TERM") != "dumb",
    )
