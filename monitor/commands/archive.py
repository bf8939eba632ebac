"""The command `archive`: finds recordings, loads the models, and has threads or Ray do what is missing."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.archive.crew import by_threads
from monitor.archive.datasets import require_parquet
from monitor.archive.folder import FAILURES, ArchiveFolder
from monitor.archive.progress import ArchiveProgress, duration
from monitor.archive.recordings import find_recordings
from monitor.archive.run import Keeper, Plan, plan, run
from monitor.archive.scoring import Manner, Models, Running
from monitor.archive.settings import archive_settings
from monitor.commands.archive_view import ArchiveView
from monitor.commands.interruption import Interruption
from monitor.commands.models import load_models
from monitor.commands.notices import Notices
from monitor.options import RecordingOptions, ScoringOptions, TranscriptionOptions
from stser_core.errors import DataError

if TYPE_CHECKING:
    from monitor.speakers.embeddings import EmbeddingExtractor


def archive(
    recordings: str,
    out: Path,
    scoring: ScoringOptions,
    recording: RecordingOptions,
    transcription: TranscriptionOptions,
    *,
    workers: int | None = None,
    ray: str | None = None,
    quiet: bool = False,
) -> int:
    """Make the timelines of many recordings, and the tables of all.

    Args:
        recordings: A folder, or a list of paths.
        out: The archive.
        scoring: How emotions are scored.
        recording: Further options of scoring.
        transcription: How speech is transcribed.
        workers: How many recordings are scored at once; without it, one for each processor.
        ray: The address of a Ray cluster whose workers do it; `auto` starts one.
        quiet: Whether to show only errors.

    Returns:
        0, also where some recordings could not be read, which the last sentence says and `failures.csv` lists; or
        128 and the signal's number where the user stopped it.

    Raises:
        StserError: Nothing is found, not one recording can be read, the archive was made with other settings, is in
            use or cannot be written, or a model is missing.
    """
    require_parquet()
    workers = workers or _processors()
    notices = Notices(quiet)
    found = find_recordings(recordings, out)
    folder = ArchiveFolder(out)
    with folder.locked():
        scorer, transcriber = load_models(scoring, transcription, notices, recording)
        settings = archive_settings(scoring, recording, transcription, scorer, transcriber)
        models = Models(scorer, transcriber, _embedder(recording))
        todo = plan(folder, found)
        keeper = Keeper.begin(folder, settings, todo.missing)
        _announce(todo, notices)
        running = Running()
        progress = todo.progress(running)
        how = Manner(
            scoring.channels,
            scoring.score_agents,
            not transcription.no_transcript,
            recording.explain,
            recording.speakers,
        )
        with ExitStack() as cleanup:
            if ray is None or not todo.missing:
                outcomes = by_threads(todo.missing, models, how, workers, running)
            else:
                from monitor.archive.ray_workers import by_ray, connected

                cleanup.enter_context(connected(ray, workers))
                names = models.scorer.name, models.transcriber.name
                load = partial(load_worker, scoring, recording, transcription)
                outcomes = by_ray(todo.missing, load, how, names, workers, running)
            interruption = cleanup.enter_context(Interruption(running.halt, running.halt))
            with ArchiveView(progress, notices):
                told = _Told(notices)
                run(keeper, outcomes, running, progress, told.tell)
    told.conclude()
    _conclude(progress, out, notices)
    if interruption.received is None and progress.figures.failed == len(found):
        raise DataError(f"Not one of the {len(found)} recordings could be read; see '{out / FAILURES}'.")
    return interruption.exit_code


def _processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _embedder(recording: RecordingOptions) -> EmbeddingExtractor | None:
    if recording.speakers is None:
        return None
    from monitor.speakers.embeddings import VoskEmbeddings

    return VoskEmbeddings()


def load_worker(scoring: ScoringOptions, recording: RecordingOptions, transcription: TranscriptionOptions) -> Models:
    """Load the models of a worker on another machine, which says nothing to the user."""
    return Models(*load_models(scoring, transcription, Notices(quiet=True), recording), _embedder(recording))


class _Told:
    """Tells what is to be said of one recording for the first one, and how many more there were."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._count = 0

    def tell(self, sentence: str) -> None:
        """Of the first recording: say it."""
        self._count += 1
        if self._count == 1:
            self._notices.say(sentence)

    def conclude(self) -> None:
        """Of the others: say how many."""
        if self._count > 1:
            more = "1 further recording" if self._count == 2 else f"{self._count - 1} further recordings"
            self._notices.say(f"the same holds for {more}.")


def _announce(todo: Plan, notices: Notices) -> None:
    done = len(todo.recordings) - len(todo.missing)
    if done:
        notices.say(f"{done} of {len(todo.recordings)} recordings are done already.")
    if todo.changed:
        changed = "1 has changed since it was" if todo.changed == 1 else f"{todo.changed} have changed since they were"
        notices.say(f"{changed} done, and will be done again.")


def _conclude(progress: ArchiveProgress, out: Path, notices: Notices) -> None:
    figures = progress.figures
    done = "1 recording" if figures.done == 1 else f"{figures.done} recordings"
    notices.say(
        f"{done} done ({figures.heard_s / 3600:.2f} h of sound in "
        f"{duration(progress.elapsed_s)}, {progress.hours_an_hour:.0f} h an hour); the archive is in '{out}'."
    )
    if figures.failed:
        count = "1 recording" if figures.failed == 1 else f"{figures.failed} recordings"
        notices.say(f"{count} could not be read; '{out / FAILURES}' says why.")
