"""The command `replay`: puts recordings, pipeline, exporters and display together, one recording after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from monitor.analytics import CallAnalytics, analyse
from monitor.commands.models import load_extractor, load_models
from monitor.commands.notices import Notices, warn_of_agents
from monitor.commands.outputs import Files, check_outputs, open_files
from monitor.commands.terminal import Interruption
from monitor.commands.views import DisplayMode, ReplayView, display_mode
from monitor.display import Progress, Replay, clock, line
from monitor.length import ends_early, length_s
from monitor.options import AnalysisOptions, OutputOptions
from monitor.pipeline.opening import Opened, open_recording
from monitor.pipeline.pipeline import Pipeline
from monitor.sources.recording import spooled
from monitor.speakers.diarization import Halted, diarize
from monitor.timeline.timeline import Timeline
from monitor.timeline.turn import Turn
from stser_core.errors import AudioError, OutputError, StserError, UsageError
from stser_core.files import check_writable

if TYPE_CHECKING:
    from monitor.flow import Utterance
    from monitor.sources.recording import Recording
    from monitor.speakers.embeddings import EmbeddingExtractor
    from monitor.transcribers import Transcriber
    from stser_core.audio import AudioFile
    from stser_core.recognizer import EmotionRecognizer


def replay(
    recordings: Sequence[Path],
    options: AnalysisOptions,
    output: OutputOptions,
    *,
    svg: str | None = None,
    quiet: bool = False,
) -> int:
    """Replay recordings, each with a timeline of its own.

    Whatever can be wrong is checked first (the outputs, a single recording, its roles, the models), so that nothing
    is processed, and no older timeline is overwritten, for a run that cannot succeed. Of several recordings, one that
    cannot be replayed does not stop the others.

    Args:
        recordings: The files; their turns go to the same outputs, with the recording's name in each row.
        options: How they are scored.
        output: Where turns are written.
        svg: Where the last screen is saved as a picture.
        quiet: Whether to show only results and errors.

    Returns:
        0; 1 where some of several recordings could not be replayed; or 128 and the signal's number where the user
        stopped it.

    Raises:
        StserError: Something keeps a single recording from being replayed to its end; what was finished before is
            in the outputs.
    """
    notices = Notices(quiet)
    _check(recordings, output, svg)
    warn_of_agents(options.scoring, notices)
    with ExitStack() as cleanup:
        opening = _Opening(options, notices)
        first = cleanup.enter_context(opening.opened(recordings[0])) if len(recordings) == 1 else None
        extractor = load_extractor(options.recording)
        files = open_files(output, cleanup, explain=options.recording.explain)
        if svg is not None:
            check_writable(svg)
        recognizer, transcriber = load_models(options.scoring, options.transcription, notices, options.recording)
        mode = display_mode(output.csv, output.jsonl, svg, quiet=quiet)
        player = _Player(opening, recognizer, transcriber, extractor, files, svg, mode)
        files.begin()
        with Interruption(player.stop, player.abort) as interruption:
            failed = _play_all(recordings, first, player)
            if not player.stopped and not failed:
                files.finish()
    if failed:
        notices.complain(f"{failed} of {len(recordings)} recordings could not be replayed.")
    return interruption.exit_code or int(failed > 0)


def _check(recordings: Sequence[Path], output: OutputOptions, svg: str | None) -> None:
    """Refuse recordings and outputs that do not go together."""
    if len(recordings) > 1 and svg is not None:
        raise UsageError(f"--svg is a picture of one recording, but there are {len(recordings)}.")
    for path in recordings:
        check_outputs((output.csv, output.jsonl, svg), path)
    if len(set(recordings)) < len(recordings):
        twice = next(path for path in recordings if recordings.count(path) > 1)
        raise UsageError(f"'{twice}' is given more than once; its turns could not be distinguished.")


def _play_all(recordings: Sequence[Path], first: _Open | None, player: _Player) -> int:
    """Replay one recording after the other.

    Args:
        recordings: Their paths.
        first: The only one, which is open.
        player: Replays them.

    Returns:
        How many of several failed.

    Raises:
        StserError: The only one failed, or the outputs cannot be written any more.
    """
    failed, notices = 0, player.opening.notices
    names = [path.name for path in recordings]
    for path in recordings:
        name = str(path) if names.count(path.name) > 1 else None  # where several files have the same
        if first is None and player.mode is DisplayMode.LINES:
            notices.line(f"{name or path.name}:")
        try:
            with nullcontext(first) if first else player.opening.opened(path, name) as opened:
                player.play(*opened)
        except StserError as error:
            if first is not None or isinstance(error, OutputError):
                raise
            sentence = str(error)
            notices.complain(sentence if str(path) in sentence else f"{name or path}: {sentence}")
            failed += 1
        if player.stopped:
            break
    return failed


_Open: TypeAlias = "tuple[AudioFile, Opened]"


@dataclass(frozen=True)
class _Opening:
    """Opens recordings."""

    options: AnalysisOptions
    notices: Notices

    @contextmanager
    def opened(self, path: Path, name: str | None = None) -> Iterator[_Open]:
        """Open a recording, and say what is to be said of it, also of what is found while it is open.

        Args:
            path: A file, a pipe, which is read to its end first, or `-` for standard input.
            name: Its name in the timeline; the file's own without it.

        Raises:
            AudioError: It is missing or is not audio.
            UsageError: The roles do not fit its channels.
        """
        try:
            file = spooled(path, self.notices.say)
            if path.is_fifo() and path.parent.name != "fd":
                name = name or path.name
        except OSError as error:  # such as a name that is too long
            raise AudioError(f"{path} cannot be read as audio ({error.strerror}).") from error
        with nullcontext() if isinstance(file, Path) else closing(file):
            opened = open_recording(file, self.options, name)
            told = len(opened.recording.notices)
            for notice in opened.recording.notices:
                self.notices.say(notice)
            yield file, opened
            for notice in opened.recording.notices[told:]:
                self.notices.say(notice)


@dataclass
class _Player:
    """Runs one pipeline after the other.

    Attributes:
        stopped: Whether the user wants no further one.
    """

    opening: _Opening
    recognizer: EmotionRecognizer
    transcriber: Transcriber
    extractor: EmbeddingExtractor | None
    files: Files
    svg: str | None
    mode: DisplayMode
    stopped: bool = False
    _pipeline: Pipeline | None = field(default=None, init=False)

    def play(self, file: AudioFile, opened: Opened) -> None:
        """Replay one recording to its end, or until it is stopped.

        Raises:
            StserError: It cannot be replayed to its end.
        """
        source = opened.recording
        try:
            speaker_of = self._speaker_of(file, source.name)
        except Halted:
            return
        timeline = Timeline()
        pipeline = self._pipeline = self._made(opened, timeline, speaker_of)

        def call() -> CallAnalytics:
            heard_s = pipeline.position_s  # of a stopped replay, the length is the part that was read
            whole_s = heard_s if source.stopped else length_s(source.announced_s, heard_s)
            return analyse(timeline.snapshot().turns, whole_s)

        def progress() -> Progress:
            return Progress(timeline.snapshot().turns, pipeline.position_s)

        with ReplayView(self.mode, self.opening.notices, self._facts(opened), progress, call, self.svg) as view:
            if not self.stopped:  # a signal may have come before there was a pipeline to stop
                pipeline.run()
            if not self.stopped:
                view.complete()
        if not self.stopped:
            self._warn_of_a_lost_end(source, pipeline.position_s)

    def _made(self, opened: Opened, timeline: Timeline, speaker_of: Callable[[Utterance], str] | None) -> Pipeline:
        notices = self.opening.notices
        outputs: list[Callable[[Turn], None]] = [*(exporter.write for exporter in self.files.exporters), timeline.add]
        if self.mode is DisplayMode.LINES:
            outputs.append(lambda turn: notices.line(line(turn)))
        return Pipeline(
            opened.recording,
            roles=opened.roles,
            transcriber=self.transcriber,
            scorer=self.recognizer,
            outputs=outputs,
            revise=Turn.without_words if self.opening.options.transcription.no_transcript else lambda turn: turn,
            speaker_of=speaker_of,
            segmentation=self.opening.options.segmentation.settings(),
        )

    def _facts(self, opened: Opened) -> Replay:
        return Replay(
            recording=opened.recording.name,
            duration_s=opened.recording.duration_s,
            speakers=tuple(role.speaker for role in opened.roles),
            checkpoint=self.recognizer.name,
            classifier=self.opening.options.recording.classifier,
            transcriber=self.transcriber.name,
            explain=self.opening.options.recording.explain,
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

    def _speaker_of(self, file: AudioFile, name: str) -> Callable[[Utterance], str] | None:
        """A function that names the speaker of an utterance, with `--speakers`."""
        opening, count = self.opening, self.opening.options.recording.speakers
        if self.extractor is None or count is None:
            return None
        opening.notices.say(f"diarizing {count} speakers first.")
        again = open_recording(file, opening.options, name).recording
        settings = opening.options.segmentation.settings()
        return diarize(again, count, self.extractor, settings, halted=lambda: self.stopped)

    def _warn_of_a_lost_end(self, recording: Recording, heard_s: float) -> None:
        """Say that a file holds less than it announces."""
        announced_s = recording.announced_s
        if announced_s is not None and ends_early(announced_s, heard_s):
            self.opening.notices.say(
                f"{recording.name} ends at {clock(heard_s)}, although it announces {clock(announced_s)}; it may be "
                "cut off."
            )
