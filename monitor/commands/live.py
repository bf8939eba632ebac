"""The default command: puts a microphone, the pipeline, exporters, alerts and the live screen together."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from monitor.alerts import Alarm, AlertCommand, Rule, command_words, parse, require_speakers, ring
from monitor.commands.models import load_models, warm_up
from monitor.commands.notices import Notices, warn_of_agents
from monitor.commands.outputs import DisplayMode, View, check_outputs, display_mode, open_files, warn_of_silence
from monitor.commands.terminal import Interruption, can_be_read
from monitor.display.screen import Session, Snapshot
from monitor.display.summary import alert_line, line
from monitor.exporters.exporter import Exporter
from monitor.flow import SAMPLE_RATE
from monitor.options import AlertOptions, ListenOptions
from monitor.pipeline.opening import Models
from monitor.pipeline.pipeline import Pipeline
from monitor.roles import MIX, Role, named, roles
from monitor.sources import Source
from monitor.timeline.notes import Alert, Mark
from monitor.timeline.timeline import Timeline
from stser_core.errors import UsageError

_STANDARD_INPUT = "-"
_TURNS = 400
"""The last turns, which the screen may show."""


def listen(options: ListenOptions, *, quiet: bool = False, source: Source | None = None) -> int:
    """Listen until the user ends it, or the source does.

    Whatever can be wrong is checked first, and the models are warm before the first sound is taken.

    Returns:
        0, also when the user quits with a key; 128 and a signal's number where one ended it.

    Raises:
        StserError: Something keeps the source from being listened to; what was finished before is in the outputs.
    """
    notices, output, alerts = Notices(quiet), options.output, options.alerts
    warn_of_agents(options.scoring, notices)
    rules = [parse(text) for text in alerts.alert or ()]
    command = alert_command(alerts)
    check_outputs(output)
    source = source or _open(options, notices)
    given = roles(options.scoring.channels, source.channels, source.name, score_agents=options.scoring.score_agents)
    require_speakers(rules, given)
    with ExitStack() as cleanup:
        exporters = open_files(output, cleanup, overwrite=options.overwrite, live=notices.say)
        models = load_models(options.scoring, options.transcription, notices)
        warm_up(models.scorer, models.transcriber)
        runner = AlertCommand(command, notices.say) if command else None
        if runner is not None:
            cleanup.callback(runner.close)
        else:
            warn_of_silence(output, notices)
        return _Run(options, notices, source, given, exporters, models, rules, runner).run()


@dataclass
class _Run:
    """One run of the pipeline with all that belongs to it."""

    options: ListenOptions
    notices: Notices
    source: Source
    roles: Sequence[Role]
    exporters: Sequence[Exporter]
    models: Models
    rules: Sequence[Rule]
    runner: AlertCommand | None

    def __post_init__(self) -> None:
        self._mode = display_mode(self.options.output, quiet=self.notices.quiet)
        self._timeline = Timeline(_TURNS)
        self._marks = max((one.resumed.last_mark for one in self.exporters), default=0)
        self._note_outputs = [*(exporter.write_note for exporter in self.exporters), self._timeline.add_note]
        alarm = Alarm(self.rules, self._alert, [self.runner.run] if self.runner else [])
        lines = [lambda turn: self.notices.line(line(turn))] if self._mode is DisplayMode.LINES else []
        self._pipeline = Pipeline(
            self.source,
            roles=self.roles,
            transcriber=self.models.transcriber,
            scorer=self.models.scorer,
            outputs=[*(exporter.write for exporter in self.exporters), *lines, self._timeline.add, alarm.check],
            transcripts=not self.options.transcription.no_transcript,
            dated=True,
            turns_before=max((one.resumed.last_turn for one in self.exporters), default=0),
            note_outputs=self._note_outputs,
            follow=(lambda: True) if self._mode is DisplayMode.SCREEN else None,
            segmentation=self.options.segmentation.settings(),
        )

    def run(self) -> int:
        """Run until it ends."""
        for exporter in self.exporters:
            exporter.begin()
        session = Session(
            source=self.source.name,
            speakers=tuple(role.speaker for role in self.roles),
            checkpoint=self.models.scorer.name,
            transcriber=self.models.transcriber.name,
            live=True,
            keys=self._mode is DisplayMode.SCREEN and can_be_read(sys.stdin),
        )
        actions = {" ": self._pause, "p": self._pause, "m": self._mark, "q": self._pipeline.stop}
        view = View(self._mode, self.notices, session, self._snapshot, actions)
        # Signals are taken until the terminal is back as it was.
        with Interruption(self._pipeline.stop, self._abort, view.restore) as interruption, view:
            self._pipeline.run()
            if interruption.received is None:
                for exporter in self.exporters:
                    exporter.finish()
        return interruption.exit_code

    def _alert(self, alert: Alert) -> None:
        timed = replace(alert, at=self._pipeline.clock(alert.time_s))
        for take in self._note_outputs:
            take(timed)
        ring()
        if self._mode is DisplayMode.LINES:
            self.notices.line(alert_line(timed))

    def _abort(self) -> None:
        if self.runner is not None:
            self.runner.hurry()
        self._pipeline.abort()

    def _pause(self) -> None:
        self._pipeline.pause(not self._pipeline.paused)

    def _mark(self) -> None:
        self._marks += 1
        time_s = self._pipeline.position_s + self._pipeline.behind_s
        self._pipeline.note(Mark(self._marks, time_s, self._pipeline.clock(time_s)))

    def _snapshot(self, notice: str) -> Snapshot:
        pipeline = self._pipeline
        return Snapshot(
            timeline=self._timeline.snapshot(),
            channels=pipeline.channels,
            position_s=pipeline.position_s,
            dropped_ms=pipeline.dropped_ms,
            behind_s=pipeline.behind_s,
            turns_waiting=pipeline.turns_waiting,
            paused=pipeline.paused,
            waiting=bool(getattr(self.source, "waiting", False)),
            notice=notice,
        )


def _open(options: ListenOptions, notices: Notices) -> Source:
    """Open the device: a channel for each name, else one; of a microphone, those there are to mix, at most two."""
    device, names = options.device, options.scoring.channels
    if device is None:
        raise UsageError("There is nothing to listen to; --device mic is the default microphone.")
    mixed = (names or "").strip() == MIX
    channels = len(named(names)) or 1
    name, _, rate = device.partition(":")
    if name == _STANDARD_INPUT:
        from monitor.sources.raw_pcm import RawPcm

        if rate and not rate.isdecimal():
            raise UsageError(f"--device is '{device}'; write the sample rate of standard input as -:8000.")
        if mixed:
            raise UsageError(
                "--channels mix does not say how many channels standard input has; name each (left,right), or have one "
                "written (ffmpeg -ac 1)."
            )
        return RawPcm(sys.stdin.buffer, rate=int(rate or SAMPLE_RATE), channels=channels, notices=notices.say)
    from monitor.sources.microphone import Microphone
    from monitor.sources.port_audio import SystemInput

    source = SystemInput(device, None if mixed else channels)
    return Microphone(source, notices=notices.say, complain=notices.complain)


def alert_command(alerts: AlertOptions) -> list[str] | None:
    """The words of the command that an alert runs; `None` without one."""
    if alerts.on_alert is None:
        return None
    if not alerts.alert:
        raise UsageError("--on-alert has no effect without --alert.")
    return command_words(alerts.on_alert)
