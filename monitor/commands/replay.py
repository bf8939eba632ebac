"""The command `replay`: puts recording, pipeline, exporters and display together, and runs them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.analytics import CallAnalytics, analyse
from monitor.commands.models import load_models
from monitor.commands.notices import Notices
from monitor.commands.outputs import Files, check_outputs, open_files, without_transcript
from monitor.commands.terminal import Interruption
from monitor.commands.views import DisplayMode, ReplayView, display_mode
from monitor.display import Progress, Replay, clock, line
from monitor.exporters.destination import Destination
from monitor.length import ends_early, length_s
from monitor.options import OutputOptions, RecordingOptions, ScoringOptions, TranscriptionOptions
from monitor.pipeline.opening import Opened, open_recording, track_choice
from monitor.pipeline.pipeline import Pipeline
from monitor.sources.recording import spooled
from monitor.timeline.timeline import Timeline

if TYPE_CHECKING:
    from monitor.flow import Utterance
    from monitor.sources.recording import Recording
    from monitor.timeline.turn import Turn
    from stser_core.audio import AudioFile


def replay(
    path: Path,
    scoring: ScoringOptions,
    recording: RecordingOptions,
    transcription: TranscriptionOptions,
    output: OutputOptions,
    *,
    svg: str | None = None,
    quiet: bool = False,
) -> int:
    """Replay a recording.

    Whatever can be wrong is checked first (the outputs, the recording, the roles, the models), so that nothing
    is processed, and no older timeline is overwritten, for a run that cannot succeed.

    Args:
        path: The recording.
        scoring: How emotions are scored.
        recording: Further options of scoring.
        transcription: How speech is transcribed.
        output: Where turns are written.
        svg: Where the last screen is saved as a picture.
        quiet: Whether to show only results and errors.

    Returns:
        0, or 128 and the signal's number where the user stopped it.

    Raises:
        StserError: Something keeps the recording from being replayed to its end; what was finished before is
            in the outputs.
    """
    notices = Notices(quiet)
    check_outputs((output.csv, output.jsonl, svg), path)
    with ExitStack() as cleanup:
        file = spooled(path)
        if not isinstance(file, Path):
            cleanup.callback(file.close)
        name = path.name if path.is_fifo() and path.parent.name != "fd" else None
        opened = _open(file, scoring, recording, name)
        source = opened.recording
        told = len(source.notices)
        for notice in source.notices:
            notices.say(notice)
        speaker_of = None if recording.speakers is None else _speakers(file, scoring, recording, opened, notices)
        files = open_files(output, cleanup, explain=recording.explain)
        picture = None
        if svg is not None:
            picture = Destination(svg)
            cleanup.callback(picture.close)
        scorer, transcriber = load_models(scoring, transcription, notices, recording)
        timeline = Timeline()
        mode = display_mode(output.csv, output.jsonl, svg, quiet=quiet)
        outputs: list[Callable[[Turn], None]] = [*(exporter.write for exporter in files.exporters), timeline.add]
        if mode is DisplayMode.LINES:
            outputs.append(lambda turn: notices.line(line(turn)))
        pipeline = Pipeline(
            source,
            roles=opened.roles,
            transcriber=transcriber,
            scorer=scorer,
            outputs=[without_transcript(one) for one in outputs] if transcription.no_transcript else outputs,
            speaker_of=speaker_of,
        )
        facts = Replay(
            recording=source.name,
            duration_s=source.duration_s,
            speakers=tuple(role.speaker for role in opened.roles),
            checkpoint=scorer.name,
            classifier=recording.classifier,
            transcriber=transcriber.name,
            explain=recording.explain,
        )

        def call() -> CallAnalytics:
            return analyse(timeline.snapshot(), _heard_s(source, pipeline))

        def progress() -> Progress:
            return Progress(timeline.snapshot(), pipeline.position_s)

        code = _run(pipeline, files, ReplayView(mode, notices, facts, progress, call, picture))
    for notice in source.notices[told:]:  # of what was found while it was decoded
        notices.say(notice)
    if code == 0:
        _warn_of_a_lost_end(source, pipeline.position_s, notices)
    return code


def _run(pipeline: Pipeline, files: Files, view: ReplayView) -> int:
    files.begin()
    with view, Interruption(pipeline.stop, pipeline.abort) as interruption:
        pipeline.run()
        if interruption.received is None:
            view.complete()
    return interruption.exit_code


def _open(file: AudioFile, scoring: ScoringOptions, recording: RecordingOptions, name: str | None = None) -> Opened:
    track = track_choice(recording.track)
    return open_recording(file, scoring.channels, track=track, score_agents=scoring.score_agents, name=name)


def _speakers(
    file: AudioFile, scoring: ScoringOptions, recording: RecordingOptions, opened: Opened, notices: Notices
) -> Callable[[Utterance], str]:
    """Who speaks in an utterance, where speakers that share a channel are to be told apart."""
    from monitor.speakers.diarization import diarize, require_one_channel
    from monitor.speakers.embeddings import VoskEmbeddings

    require_one_channel(opened.recording.name, opened.recording.channels)
    extractor = VoskEmbeddings()
    count = recording.speakers or 1
    notices.say(f"telling the voices of {count} speakers apart first.")
    return diarize(_open(file, scoring, recording).recording, count, extractor).speaker_of


def _heard_s(recording: Recording, pipeline: Pipeline) -> float:
    """The length that the figures cover; where the replay was stopped, what was heard."""
    return pipeline.position_s if recording.stopped else length_s(recording.announced_s, pipeline.position_s)


def _warn_of_a_lost_end(recording: Recording, heard_s: float, notices: Notices) -> None:
    """Say that a file holds less than it announces."""
    announced_s = recording.announced_s
    if announced_s is not None and ends_early(announced_s, heard_s):
        notices.say(
            f"{recording.name} ends at {clock(heard_s)}, although it announces {clock(announced_s)}; it may be cut off."
        )
