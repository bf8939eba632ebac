"""The command `archive`: finds recordings, loads the models, and has threads or Ray do what is missing."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from os.path import exists
from pathlib import Path

from monitor.archive.folder import FAILURES, ArchiveFolder
from monitor.archive.recordings import find_recordings
from monitor.archive.run import ArchiveWriter, Plan, Progress, duration, plan, run
from monitor.archive.scoring import Models, RecordingScorer, Running
from monitor.archive.settings import archive_settings
from monitor.archive.tables import require_parquet
from monitor.archive.workers import by_ray, by_threads, connected, processors
from monitor.commands.archive_view import archive_view
from monitor.commands.models import load_extractor, load_models
from monitor.commands.notices import Notices, warn_of_agents
from monitor.commands.terminal import Interruption
from monitor.options import AnalysisOptions
from stser_core.errors import DataError, UsageError

_NAMED = 3
"""Number of recordings that a notice names."""


def archive(
    recordings: str,
    out: Path,
    options: AnalysisOptions,
    *,
    workers: int | None = None,
    ray: str | None = None,
    quiet: bool = False,
) -> int:
    """Make the timelines of many recordings, and the tables of all.

    Args:
        recordings: A folder, or a list of paths.
        out: The archive.
        options: How they are scored.
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
    if out == Path():
        raise UsageError("--out is empty, or the current folder; name a folder for the timelines.")
    require_parquet()
    workers = workers or processors()
    notices = Notices(quiet)
    warn_of_agents(options.scoring, notices)
    found = find_recordings(recordings, out)
    folder = ArchiveFolder(out)
    with folder.locked():
        recognizer, transcriber = load_models(options.scoring, options.transcription, notices, options.recording)
        scorer = RecordingScorer(Models(recognizer, transcriber, load_extractor(options.recording)), options)
        settings = archive_settings(options, recognizer, transcriber)
        todo = plan(folder, found)
        writer = ArchiveWriter.begin(folder, settings, todo.missing)
        _announce(todo, notices)
        running = Running()
        progress = Progress(todo, lambda: running.position_s)
        with ExitStack() as cleanup:
            if ray is None or not todo.missing:
                outcomes = by_threads(todo.missing, scorer, workers, running)
            else:
                cleanup.enter_context(connected(ray, workers))
                load, names = partial(load_scorer, options), (recognizer.name, transcriber.name)
                outcomes = by_ray(todo.missing, load, names, workers, running)
            interruption = cleanup.enter_context(Interruption(running.halt, running.halt))
            said: list[str] = []

            def notify(sentence: str) -> None:
                """Say what is to be said of one recording for the first one; the others are counted at the end."""
                if not said:
                    notices.say(sentence)
                said.append(sentence)

            with archive_view(progress, notices):
                run(writer, outcomes, running, progress, notify)
    _conclude(progress, len(said) - 1, out, notices)
    if interruption.received is None and progress.failed == len(found):
        raise DataError(f"Not one of the {len(found)} recordings could be read; see '{out / FAILURES}'.")
    return interruption.exit_code


def load_scorer(options: AnalysisOptions) -> RecordingScorer:
    """Load the models in a worker of a Ray cluster, which says nothing to the user."""
    quiet = Notices(quiet=True)
    recognizer, transcriber = load_models(options.scoring, options.transcription, quiet, options.recording)
    return RecordingScorer(Models(recognizer, transcriber, load_extractor(options.recording)), options)


def _announce(todo: Plan, notices: Notices) -> None:
    absent = [found.name for found in todo.missing if not exists(found.path)]  # noqa: PTH110
    if absent:
        more = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
        notices.say(f"{_counted(len(absent))} of the list cannot be found: {', '.join(absent[:_NAMED])}{more}.")
    done = len(todo.recordings) - len(todo.missing)
    if done:
        notices.say(f"{done} of {len(todo.recordings)} recordings are done already.")
    if todo.changed:
        changed = "1 has changed since it was" if todo.changed == 1 else f"{todo.changed} have changed since they were"
        notices.say(f"{changed} done, and will be done again.")


def _conclude(progress: Progress, unsaid: int, out: Path, notices: Notices) -> None:
    if unsaid > 0:
        notices.say(f"the same holds for {unsaid} further recording{'' if unsaid == 1 else 's'}.")
    notices.say(
        f"{_counted(progress.done)} done ({progress.heard_s / 3600:.2f} h of sound in "
        f"{duration(progress.elapsed_s)}, {progress.hours_an_hour:.0f} h an hour); the archive is in '{out}'."
    )
    if progress.failed:
        notices.say(f"{_counted(progress.failed)} could not be read; '{out / FAILURES}' says why.")


def _counted(number: int) -> str:
    return "1 recording" if number == 1 else f"{number} recordings"
