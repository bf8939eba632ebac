"""The command `replay`: puts recordings, pipeline, exporters and display together, one recording after the other."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from monitor.analytics.call import analyse
from monitor.commands.models import load_models
from monitor.commands.notices import Notices, warn_of_agents
from monitor.commands.outputs import DisplayMode, View, check_outputs, display_mode, open_files, warn_of_silence
from monitor.commands.terminal import Interruption
from monitor.display.palette import clock, printable
from monitor.display.screen import Session, Snapshot, state
from monitor.display.summary import line, print_analytics
from monitor.exporters.exporter import Exporter
from monitor.options import AnalysisOptions, OutputOptions
from monitor.pipeline.opening import Models, Opened, open_recording, recording_pipeline
from monitor.pipeline.pipeline import Pipeline
from monitor.sources.recording import ends_early, length_s, spooled
from monitor.speakers import Halted
from monitor.timeline.timeline import Timeline
from monitor.timeline.turn import Turn
from stser_core.errors import AudioError, OutputError, StserError, UsageError, reason


def replay(recordings: Sequence[Path], options: AnalysisOptions, output: OutputOptions, *, quiet: bool = False) -> int:
    """Replay recordings, each with a timeline of its own.

    Whatever can be wrong is checked first (the outputs, a single recording, its roles, the models), so that nothing
    is processed, and no older timeline is overwritten, for a run that cannot succeed. Of several recordings, one that
    cannot be replayed does not stop the others.

    Returns:
        0; 1 where some of several recordings could not be replayed; or 128 and the signal's number where the user
        stopped it.

    Raises:
        StserError: Something keeps a single recording from being replayed to its end; what was finished before is
            in the outputs.
    """
    notices = Notices(quiet)
    for path in recordings:
        check_outputs(output, path)
        if recordings.count(path) > 1:
            raise UsageError(f"'{path}' is given more than once; its turns could not be distinguished.")
    warn_of_agents(options.scoring, notices)
    with ExitStack() as cleanup:
        only = cleanup.enter_context(_opened(recordings[0], options, notices)) if len(recordings) == 1 else None
        exporters = open_files(output, cleanup, explain=options.recording.explain)
        models = load_models(options.scoring, options.transcription, notices, options.recording)
        player = _Player(options, notices, models, exporters, display_mode(output, quiet=quiet))
        warn_of_silence(output, notices)
        for exporter in exporters:
            exporter.begin()
        with Interruption(player.stop, player.abort) as interruption:
            failed = 0
            if only is not None:
                player.play(only)
            else:
                failed = player.play_all(recordings)
            if not player.stopped and not failed:
                for exporter in exporters:
                    exporter.finish()
    if failed:
        notices.complain(f"{failed} of {len(recordings)} recordings could not be replayed.")
    return interruption.exit_code or int(failed > 0)


@contextmanager
def _opened(path: Path, options: AnalysisOptions, notices: Notices, name: str | None = None) -> Iterator[Opened]:
    """Open a recording, and say what is to be said of it, also of what is found while it is open.

    A pipe, or `-` for standard input, is read to its end first. Without a name for the timeline, it has the file's own.
    """
    try:
        file = spooled(path, notices.say)
        if path.is_fifo() and path.parent.name != "fd":
            name = name or path.name
    except OSError as error:  # such as a name that is too long
        raise AudioError(f"{path} cannot be read as audio ({reason(error)}).") from error
    with nullcontext() if isinstance(file, Path) else closing(file):
        opened = open_recording(file, options, name)
        told = len(opened.recording.notices)
        for notice in opened.recording.notices:
            notices.say(notice)
        yield opened
        for notice in opened.recording.notices[told:]:
            notices.say(notice)


@dataclass
class _Player:
    """Runs one pipeline after the other, until `stopped`."""

    options: AnalysisOptions
    notices: Notices
    models: Models
    exporters: Sequence[Exporter]
    mode: DisplayMode
    stopped: bool = False
    _pipeline: Pipeline | None = field(default=None, init=False)

    def play_all(self, recordings: Sequence[Path]) -> int:
        """Replay one recording after the other, and count those that fail.

        Raises:
            OutputError: The outputs cannot be written any more.
        """
        failed = 0
        names = [path.name for path in recordings]
        for path in recordings:
            name = str(path) if names.count(path.name) > 1 else None  # where several files have the same
            if self.mode is DisplayMode.LINES:
                self.notices.line(f"{printable(name or path.name)}:")
            try:
                with _opened(path, self.options, self.notices, name) as opened:
                    self.play(opened)
            except OutputError:
                raise
            except StserError as error:
                sentence = str(error)
                self.notices.complain(sentence if str(path) in sentence else f"{name or path}: {sentence}")
                failed += 1
            if self.stopped:
                break
        return failed

    def play(self, opened: Opened) -> None:
        """Replay one recording to its end, or until it is stopped."""
        timeline = Timeline()
        outputs: list[Callable[[Turn], None]] = [*(exporter.write for exporter in self.exporters), timeline.add]
        if self.mode is DisplayMode.LINES:
            outputs.append(lambda turn: self.notices.line(line(turn)))
        if self.options.recording.speakers is not None:
            self.notices.say(f"diarizing {self.options.recording.speakers} speakers first.")
        try:
            pipeline = self._pipeline = recording_pipeline(
                opened, self.models, self.options, outputs, halted=lambda: self.stopped
            )
        except Halted:
            return
        session = Session(
            source=opened.recording.name,
            speakers=tuple(role.speaker for role in opened.roles),
            checkpoint=self.models.scorer.name,
            transcriber=self.models.transcriber.name,
            duration_s=opened.recording.duration_s,
            explain=self.options.recording.explain,
        )

        def snapshot(notice: str = "") -> Snapshot:
            return Snapshot(timeline.snapshot(), pipeline.position_s, stopped=self.stopped)

        with View(self.mode, self.notices, session, snapshot):
            if not self.stopped:  # a signal may have come before there was a pipeline to stop
                pipeline.run()
        self._conclude(opened, session, snapshot())

    def _conclude(self, opened: Opened, session: Session, last: Snapshot) -> None:
        """Show the metrics of the call, and say where it was stopped or is cut off."""
        recording = opened.recording
        announced_s, heard_s = recording.announced_s, last.position_s
        if self.mode is DisplayMode.SCREEN:
            # Of a stopped replay, the length is the part that was read.
            whole_s = heard_s if self.stopped else length_s(announced_s, heard_s)
            print_analytics(Console(), analyse(last.timeline.turns, whole_s))
        elif self.stopped and self.mode is DisplayMode.LINES:
            self.notices.line(f"{state(session, last, over=True).capitalize()}.")
        if not self.stopped and announced_s is not None and ends_early(announced_s, heard_s, exact=recording.exact):
            self.notices.say(
                f"{recording.name} ends at {clock(heard_s)}, {announced_s - heard_s:.1f} s before the end that its "
                "header states; it may be cut off."
            )

    def stop(self) -> None:
        """Finish the speech so far, and play nothing more. From any thread."""
        self.stopped = True
        if self._pipeline is not None:
            self._pipeline.stop()

    def abort(self) -> None:
        """Stop at once. From any thread."""
        self.stopped = True
        if self._pipeline is not None:
            self._pipeline.abort()
