"""The command `archive`: finds recordings, loads the models, and has threads, processes or Ray do what is missing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
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
from monitor.archive.settings import ArchiveSettings, sum_of
from monitor.commands.analysis import Analysis, load_models
from monitor.commands.archive_view import ArchiveView
from monitor.commands.interruption import Interruption
from monitor.commands.notices import Notices
from monitor.commands.speech_recogniser import NONE
from stser_core.errors import DataError, UsageError

if TYPE_CHECKING:
    from monitor.archive.outcome import Outcome
    from monitor.speakers.embeddings import VoskEmbeddings


@dataclass(frozen=True)
class ArchiveOptions:
    """What the user typed after `archive`; the command's help says what each means."""

    recordings: str
    out: Path
    analysis: Analysis
    workers: int | None = None
    ray: str | None = None
    speakers: int | None = None


def archive(options: ArchiveOptions) -> int:
    """Make the timelines of many recordings, and the datasets of all.

    Returns:
        0, also where some recordings could not be read, which the last sentence says and `failures.csv` lists; or
        128 and the signal's number where the user stopped it.

    Raises:
        StserError: Nothing is found, not one recording can be read, the archive was made with other settings, is in
            use or cannot be written, or a model is missing.
    """
    require_parquet()
    workers = _workers(options.workers)
    notices = Notices(options.analysis.quiet)
    recordings = find_recordings(options.recordings, options.out)
    folder = ArchiveFolder(options.out)
    with folder.locked():
        models, settings = _loaded(options, notices)
        todo = plan(folder, recordings)
        keeper = Keeper.begin(folder, settings, todo.missing)
        _announce(todo, notices)
        running = Running()
        progress = todo.progress(running)
        with ExitStack() as cleanup:
            outcomes = _outcomes(options, todo, models, settings, workers, running, cleanup)
            interruption = cleanup.enter_context(Interruption(running.halt, running.halt))
            with ArchiveView(progress, notices):
                told = _Told(notices)
                run(keeper, outcomes, running, progress, told.tell)
    told.conclude()
    _conclude(progress, options.out, notices)
    if interruption.received is None and progress.figures.failed == len(recordings):
        raise DataError(f"Not one of the {len(recordings)} recordings could be read; see '{options.out / FAILURES}'.")
    return interruption.exit_code


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


def _workers(given: int | None) -> int:
    """As many as the process may use processors, where nobody says otherwise."""
    if given is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if given < 1:
        raise UsageError(f"--workers must be 1 or more; it is {given}.")
    return given


def _loaded(options: ArchiveOptions, notices: Notices) -> tuple[Models, ArchiveSettings]:
    from stser_core.checkpoint import resolve
    from stser_core.ensemble import format_prior

    analysis, hearer = options.analysis, _hearer(options.speakers)
    scorer, transcriber = load_models(analysis, notices)
    settings = ArchiveSettings(
        channels=analysis.channels,
        score_agents=analysis.score_agents,
        transcripts=analysis.transcripts,
        explain=analysis.explain,
        checkpoint=scorer.name,
        checkpoint_sum=sum_of(resolve(analysis.checkpoint)),
        classifiers=tuple(scorer.classifiers),
        accelerator=scorer.accelerator,
        transcriber=transcriber.name,
        language=analysis.language,
        speakers=options.speakers,
        prior=format_prior(scorer.prior),
        speaker_baseline=scorer.uses_speaker_baseline,
    )
    return Models(scorer, transcriber, hearer), settings


def _hearer(speakers: int | None) -> VoskEmbeddings | None:
    if speakers is None:
        return None
    from monitor.speakers.embeddings import VoskEmbeddings

    return VoskEmbeddings()


def load_quietly(analysis: Analysis, speakers: int | None) -> Models:
    """The models of a worker, which has nobody to talk to."""
    return Models(*load_models(replace(analysis, quiet=True), Notices(quiet=True)), _hearer(speakers))


def _outcomes(
    options: ArchiveOptions,
    todo: Plan,
    models: Models,
    settings: ArchiveSettings,
    workers: int,
    running: Running,
    cleanup: ExitStack,
) -> Iterator[Outcome]:
    analysis = options.analysis
    manner = Manner(analysis.channels, analysis.score_agents, analysis.transcripts, analysis.explain, options.speakers)
    if options.ray is not None and todo.missing:
        from monitor.archive.ray_workers import by_ray, connected

        cleanup.enter_context(connected(options.ray, workers))
        names = models.scorer.name, models.transcriber.name
        load = partial(load_quietly, analysis, options.speakers)
        return by_ray(todo.missing, load, manner, names, workers, running)
    if min(workers, len(todo.missing)) > 1 and _is_bound_by_python(settings):
        from monitor.archive.process_workers import by_processes

        # What was found here is not looked for again, lest a worker find something else.
        found = replace(analysis, asr=settings.transcriber, accelerator=settings.accelerator)
        return by_processes(todo.missing, partial(load_quietly, found, None), manner, workers, running)
    return by_threads(todo.missing, models, manner, workers, running)


def _is_bound_by_python(settings: ArchiveSettings) -> bool:
    """Whether threads would wait for Python's lock most of the time.

    A recogniser lets go of it, has models that are too large for a copy each, and takes nearly all of the time. So does
    Vosk where it tells voices apart; and an accelerator's memory is small.
    """
    return settings.transcriber == NONE and settings.speakers is None and settings.accelerator == "cpu"


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
