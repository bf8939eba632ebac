"""An archive's run: what is missing is done, and each result is kept at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.archive.datasets import Call, Datasets
from monitor.archive.failures import Failures
from monitor.archive.folder import FAILURES, SETTINGS, ArchiveFolder
from monitor.archive.outcome import Failed, Outcome
from monitor.archive.progress import ArchiveProgress, Figures
from monitor.archive.recordings import Found, size_of
from monitor.archive.scoring import Running
from monitor.archive.settings import check_settings

_KEEP_S = 20.0
_KEEP_CALLS = 100


@dataclass(frozen=True)
class Plan:
    """What a run has before it.

    Attributes:
        recordings: All that was found.
        missing: Those that are not done, as they are now.
        changed: How many of the missing were done before they changed.
    """

    recordings: Sequence[Found]
    missing: Sequence[Found]
    changed: int

    def progress(self, running: Running) -> ArchiveProgress:
        """The progress of this run, at its start."""
        sizes = {found.name: size_of(found) for found in self.recordings}
        size, missing_size = sum(sizes.values()), sum(sizes[found.name] for found in self.missing)
        before = len(self.recordings) - len(self.missing)
        figures = Figures(len(self.recordings), size, before=before, gone_size=size - missing_size)
        return ArchiveProgress(figures, sizes, lambda: running.position_s)


def plan(folder: ArchiveFolder, recordings: Sequence[Found]) -> Plan:
    """Compare what there is with what is done."""
    missing = [found for found in recordings if not folder.is_done(found)]
    return Plan(recordings, missing, changed=sum(map(folder.is_known, missing)))


@dataclass
class Keeper:
    """Keeps results as they come. One thread uses it, which holds the archive's lock.

    A timeline and its proof are kept at once; the datasets and the list of failures follow a few seconds later, and
    what a killed process left out of them is made up for at the next start.

    Raises (all methods):
        OutputError: The disk is full, or the like.
    """

    folder: ArchiveFolder
    datasets: Datasets
    failures: Failures
    _calls: list[Call] = field(default_factory=list)
    _kept: float = field(default_factory=time.monotonic)

    @classmethod
    def begin(cls, folder: ArchiveFolder, settings: Mapping[str, object], missing: Sequence[Found]) -> Keeper:
        """Take an archive up, or begin one.

        Args:
            folder: Its lock is held.
            settings: Those of this run.
            missing: What is to be done; of earlier failures, only those among it are still listed.

        Raises:
            UsageError: It was made with other settings.
            DataError: Something in it is damaged.
        """
        check_settings(folder.root / SETTINGS, settings, folder.aside)
        datasets = Datasets(folder, explain=bool(settings["explain"]))
        datasets.complete()
        failures = Failures(folder.root / FAILURES, folder.aside, {found.name for found in missing})
        return cls(folder, datasets, failures)

    def keep(self, outcome: Outcome) -> None:
        """Keep what became of a recording."""
        if isinstance(outcome, Failed):
            self.failures.add(outcome.recording, outcome.reason)
        else:
            self.folder.finish(outcome, explain=self.datasets.explain)
            self.failures.remove(outcome.finished.recording)
            self._calls.append(Call(outcome.finished, outcome.turns))
        if len(self._calls) >= _KEEP_CALLS or time.monotonic() - self._kept >= _KEEP_S:
            self.bring_up()

    def bring_up(self) -> None:
        """Bring datasets and failures up to what is kept."""
        calls, self._calls = self._calls, []
        if calls:
            self.datasets.add(calls)
        self.failures.write()
        self._kept = time.monotonic()


def run(
    keeper: Keeper,
    outcomes: Iterable[Outcome],
    running: Running,
    progress: ArchiveProgress,
    notify: Callable[[str], None],
) -> None:
    """Keep all outcomes as they come.

    Raises:
        StserError: They cannot be kept, or no more will come. What was kept before stays.
    """
    try:
        for outcome in outcomes:
            keeper.keep(outcome)
            if isinstance(outcome, Failed):
                progress.failed(outcome.recording)
                continue
            progress.finished(outcome.finished.recording, outcome.finished.heard_s)
            if outcome.notice is not None:
                notify(outcome.notice)
    except BaseException:
        running.halt()
        raise
    keeper.bring_up()
