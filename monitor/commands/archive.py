"""The command `archive`: finds recordings, loads the models, and has threads or Ray do what is missing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Thread

from monitor.archive.folder import FAILURES, ArchiveFolder, archive_settings
from monitor.archive.recordings import find_recordings
from monitor.archive.run import ArchiveWriter, Progress
from monitor.archive.scoring import RecordingScorer, Running
from monitor.archive.workers import cluster, outcomes, processors, threads
from monitor.commands.models import load_models
from monitor.commands.notices import PROGRAM, Notices, warn_of_agents
from monitor.commands.terminal import Interruption
from monitor.counted import counted
from monitor.display.palette import clock
from monitor.exporters.parquet import require_parquet
from monitor.options import AnalysisOptions
from stser_core.errors import DataError, UsageError

_FRAME_S = 0.25
_LINE_S = 30.0


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

    Returns:
        0, also where some recordings could not be read, which the last sentence says and `failures.csv` lists; or
        128 and the signal's number where the user stopped it.

    Raises:
        StserError: Nothing is found, not one recording can be read, the archive was made with other settings, is in
            use or cannot be written, or a model is missing.
    """
    if out == Path():
        raise UsageError("--out is empty, or the current folder; name a folder for the timelines.")
    require_parquet("An archive")
    workers = workers or processors()
    notices = Notices(quiet)
    warn_of_agents(options.scoring, notices)
    found = find_recordings(recordings, out)
    folder = ArchiveFolder(out)
    told: list[str] = []

    def notify(sentence: str) -> None:
        """Say what is to be said of one recording for the first one; the others are counted at the end."""
        if not told:
            notices.say(sentence)
        told.append(sentence)

    with folder.locked():
        scorer = load_scorer(options, notices)
        models = scorer.models
        writer = ArchiveWriter(folder, archive_settings(options, models.scorer, models.transcriber), found)
        if writer.done:
            notices.say(f"{writer.done} of {len(found)} recordings are done already.")
        running = Running()
        progress = Progress(writer.done, len(writer.missing) + len(writer.failed))
        pool = threads(scorer, workers, running)
        if ray is not None and writer.missing:
            names = models.scorer.name, models.transcriber.name
            pool = cluster(ray, workers, partial(load_scorer, options), names)
        with pool as submit, Interruption(running.halt, running.halt) as interruption, _shown(progress, notices):
            writer.run(outcomes(writer.missing, submit, workers, running), progress, notify)
    if len(told) > 1:
        notices.say(f"the same holds for {counted(len(told) - 1, 'further recording')}.")
    _summarise(progress, out, notices)
    if interruption.received is None and progress.failed == progress.recordings:
        raise DataError(f"Not one recording could be read; see '{out / FAILURES}'.")
    return interruption.exit_code


def load_scorer(options: AnalysisOptions, notices: Notices | None = None) -> RecordingScorer:
    """Load the models, here or in a worker of a Ray cluster, which says nothing to the user."""
    models = load_models(options.scoring, options.transcription, notices or Notices(quiet=True), options.recording)
    return RecordingScorer(models, options)


def _summarise(progress: Progress, out: Path, notices: Notices) -> None:
    """Say what was done, what failed, and what an interruption left."""
    notices.say(
        f"{counted(progress.done, 'recording')} done ({progress.heard_s / 3600:.2f} h of sound in "
        f"{clock(progress.elapsed_s)}, {progress.speed:.0f} times real time); the archive is in '{out}'."
    )
    if progress.failed:
        notices.say(f"{counted(progress.failed, 'recording')} could not be read; '{out / FAILURES}' says why.")
    if left := progress.recordings - progress.gone:
        notices.say(
            f"stopped with {left} of {counted(progress.recordings, 'recording')} left; the same command continues."
        )


@contextmanager
def _shown(progress: Progress, notices: Notices) -> Iterator[None]:
    """Show the progress on standard error meanwhile: a bar on a terminal, else a line every 30 seconds."""
    if notices.quiet:
        yield
        return
    left = Event()
    show = _show_bar if sys.stderr.isatty() else _show_lines
    thread = Thread(target=show, args=(progress, notices, left), name="archive view", daemon=True)
    thread.start()
    try:
        yield
    finally:
        left.set()
        thread.join()


def _show_lines(progress: Progress, notices: Notices, left: Event) -> None:
    while not left.wait(_LINE_S):
        notices.line(progress.line())


def _show_bar(progress: Progress, notices: Notices, left: Event) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = BarColumn(24), TextColumn("{task.percentage:>3.0f} %"), TextColumn("{task.description}", markup=False)
    console = Console(stderr=True, highlight=False, markup=False)
    with Bar(*columns, console=console, auto_refresh=False, transient=True) as bar:
        notices.divert(lambda sentence: console.print(f"{PROGRAM}: {sentence}", soft_wrap=True))
        task = bar.add_task("", total=progress.recordings)
        ended = False
        while not ended:
            ended = left.wait(_FRAME_S)
            bar.update(task, completed=progress.gone, description=progress.line())
            bar.refresh()
        notices.divert(None)
