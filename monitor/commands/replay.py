"""The command `replay`: puts recording, pipeline, exporters and display together, and runs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.analytics import CallAnalytics, analyse
from monitor.commands.analysis import Analysis, Files, check_outputs, load_models, open_files, recogniser_name, wordless
from monitor.commands.analytics import save_analytics
from monitor.commands.interruption import Interruption
from monitor.commands.notices import Notices
from monitor.commands.replay_view import Manner, ReplayView, manner
from monitor.display import Progress, Replay, clock, line
from monitor.exporters.destination import STDOUT, Destination
from monitor.exporters.whole_file import check_writable
from monitor.length import ends_early, length_s
from monitor.pipeline.opening import Opened, open_recording
from monitor.pipeline.pipeline import Pipeline
from monitor.sources.recording import Recording
from monitor.timeline.timeline import Timeline

if TYPE_CHECKING:
    from monitor.flow import Utterance
    from monitor.timeline.turn import Turn
    from monitor.transcribers import Transcriber
    from stser_core.recognizer import EmotionRecognizer


@dataclass(frozen=True)
class ReplayOptions:
    """What the user typed after `replay`; the command's help says what each means."""

    recording: Path
    analysis: Analysis
    svg: str | None = None
    analytics: str | None = None
    realtime: bool = False
    speakers: int | None = None


def replay(options: ReplayOptions) -> int:
    """Replay a recording.

    Whatever can be wrong is looked at first (the outputs, the recording, the roles, the models), so that nothing
    is processed, and no older timeline is overwritten, for a run that cannot succeed.

    Returns:
        0, or 128 and the signal's number where the user stopped it.

    Raises:
        StserError: Something keeps the recording from being replayed to its end; what was finished before is
            in the outputs.
    """
    notices = Notices(options.analysis.quiet)
    opened = _opened(options, notices)
    recording = opened.recording
    speaker_of = _speakers(options, opened, notices)
    with ExitStack() as cleanup:
        files = open_files(options.analysis, cleanup)
        picture = _picture(options, cleanup)
        scorer, transcriber = load_models(options.analysis, notices)
        timeline = Timeline()
        how = _manner(options)
        pipeline = Pipeline(
            recording,
            roles=opened.roles,
            transcriber=transcriber,
            scorer=scorer,
            outputs=_outputs(options, files, timeline, notices if how is Manner.LINES else None),
            speaker_of=speaker_of,
        )
        facts = _facts(options, opened, scorer, transcriber)

        def call() -> CallAnalytics:
            return analyse(timeline.snapshot(), _heard_s(recording, pipeline))

        def progress() -> Progress:
            return Progress(timeline.snapshot(), pipeline.position_s)

        code = _run(pipeline, files, ReplayView(how, notices, facts, progress, call, picture))
    if options.analytics is not None:
        save_analytics(call(), options.analytics)
    if code == 0:
        _warn_of_a_lost_end(recording, pipeline.position_s, notices)
    return code


def _opened(options: ReplayOptions, notices: Notices) -> Opened:
    """The recording, if nothing keeps what comes of it from being written."""
    analysis = options.analysis
    check_outputs((analysis.csv, analysis.jsonl, options.svg, options.analytics), options.recording)
    if options.analytics is not None:
        check_writable(options.analytics)
    opened = open_recording(
        options.recording, analysis.channels, score_agents=analysis.score_agents, realtime=options.realtime
    )
    if opened.notice is not None:
        notices.say(opened.notice)
    return opened


def _outputs(
    options: ReplayOptions, files: Files, timeline: Timeline, lines: Notices | None
) -> list[Callable[[Turn], None]]:
    """Whatever gets every turn: the files, the timeline, and the terminal where it shows turns as lines."""
    outputs: list[Callable[[Turn], None]] = [*(exporter.write for exporter in files.exporters), timeline.add]
    if lines is not None:
        outputs.append(lambda turn: lines.line(line(turn)))
    return [output if options.analysis.transcripts else wordless(output) for output in outputs]


def _run(pipeline: Pipeline, files: Files, view: ReplayView) -> int:
    files.begin()
    with view, Interruption(pipeline.stop, pipeline.abort) as interruption:
        pipeline.run()
        if interruption.received is None:
            view.complete()
    return interruption.exit_code


def _speakers(options: ReplayOptions, opened: Opened, notices: Notices) -> Callable[[Utterance], str] | None:
    """Who speaks in an utterance, where speakers that share a channel are to be told apart."""
    if options.speakers is None:
        return None
    from monitor.speakers.diarization import diarize, require_one_channel
    from monitor.speakers.embeddings import VoskEmbeddings

    require_one_channel(opened.recording.name, opened.recording.channels)
    extractor = VoskEmbeddings()
    notices.say(f"listening for the voices of {options.speakers} speakers first.")
    again = open_recording(options.recording, options.analysis.channels, score_agents=options.analysis.score_agents)
    return diarize(again.recording, options.speakers, extractor).speaker_of


def _manner(options: ReplayOptions) -> Manner:
    return manner(
        quiet=options.analysis.quiet,
        results_on_stdout=STDOUT in (options.analysis.csv, options.analysis.jsonl, options.svg, options.analytics),
        terminal=sys.stdout.isatty() and os.environ.get("TERM") != "dumb",
    )


def _facts(
    options: ReplayOptions,
    opened: Opened,
    scorer: EmotionRecognizer,
    transcriber: Transcriber,
) -> Replay:
    return Replay(
        recording=opened.recording.name,
        duration_s=opened.recording.duration_s,
        speakers=tuple(role.speaker for role in opened.roles),
        checkpoint=scorer.name,
        classifier=options.analysis.classifier,
        recogniser=recogniser_name(transcriber),
        explain=options.analysis.explain,
    )


def _picture(options: ReplayOptions, cleanup: ExitStack) -> Destination | None:
    if options.svg is None:
        return None
    picture = Destination(options.svg)
    cleanup.callback(picture.close)
    return picture


def _heard_s(recording: Recording, pipeline: Pipeline) -> float:
    """The length that the figures cover; of a recording that was stopped, it is no estimate."""
    return pipeline.position_s if recording.stopped else length_s(recording.duration_s, pipeline.position_s)


def _warn_of_a_lost_end(recording: Recording, heard_s: float, notices: Notices) -> None:
    """Say that a file holds less than it announces."""
    announced_s = recording.duration_s
    if announced_s is not None and ends_early(announced_s, heard_s):
        notices.say(
            f"{recording.name} ends at {clock(heard_s)}, although it announces {clock(announced_s)}; it may be cut off."
        )
