"""An archive's run: writes each result at once, and tells how far it is."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

from monitor.archive.folder import ArchiveFolder, read_failures
from monitor.archive.recordings import Found
from monitor.archive.scoring import Failed, Outcome, Scored
from monitor.archive.tables import Tables
from monitor.display.palette import clock
from stser_core.errors import OutputError

_KEEP_S = 20.0
_KEEP_CALLS = 100
_HOUR_S = 3600.0


class Progress:
    """Progress of a run: counted by one thread, read by any."""

    def __init__(self, before: int, left: int, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._started = now, now()
        self.before = before  # how many were done before
        self.recordings = before + left
        self.done = self.failed = 0
        self.heard_s = 0.0

    def count(self, outcome: Outcome) -> None:
        """Count a recording that is done, or one that could not be done."""
        if isinstance(outcome, Failed):
            self.failed += 1
        else:
            self.done += 1
            self.heard_s += outcome.finished.heard_s

    @property
    def gone(self) -> int:
        """How many are done or failed."""
        return self.before + self.done + self.failed

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self._now() - self._started

    @property
    def speed(self) -> float:
        """Seconds of sound scored in a second; 0 at the start."""
        elapsed = self.elapsed_s
        return self.heard_s / elapsed if elapsed > 0 else 0.0

    def line(self) -> str:
        """All of it on one line."""
        parts = [f"{self.gone} of {self.recordings} recordings"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        parts += [f"{self.heard_s / _HOUR_S:.2f} h scored", f"{self.speed:.0f} times real time"]
        if here := self.done + self.failed:
            parts.append(f"{clock(self.elapsed_s * (self.recordings - self.gone) / here)} left")
        return ", ".join(parts)


class ArchiveWriter:
    """Writes results as they come. One thread uses it, which holds the archive's lock.

    A timeline and its done marker are kept at once; the tables and the list of failures follow a few seconds later, and
    the next start adds what a killed process left out.

    Attributes:
        missing: Those of the recordings that are to be scored.
        failed: What has failed before anything is scored.
        done: How many of the recordings are done already.
    """

    def __init__(self, folder: ArchiveFolder, settings: Mapping[str, object], found: Sequence[Found]) -> None:
        """Continue an archive, or begin one; other settings are a `UsageError`, what is damaged is a `DataError`.

        A recording whose timeline is damaged is `missing`; where it was not found, it has failed.
        """
        folder.check_settings(settings)
        self._folder = folder
        self._tables = Tables(folder, explain=bool(settings["explain"]))
        damaged, names = self._tables.complete(), {one.name for one in found}
        conflicts = {one.name: failed for one in found if (failed := folder.conflict(one)) is not None}
        free = [one for one in found if one.name not in conflicts]
        self.missing = [one for one in free if one.name in damaged or not folder.is_done(one)]
        lost = [Failed(name, reason) for name, reason in damaged.items() if name not in names]
        self.failed = [*conflicts.values(), *lost]
        self.done = len(free) - len(self.missing)
        self._listed, still = read_failures(folder.root), {one.name for one in self.missing}
        self._failures = {name: reason for name, reason in (self._listed or {}).items() if name in still}
        self._calls: list[Scored] = []
        self._kept = time.monotonic()

    def run(self, outcomes: Iterable[Outcome], progress: Progress, notify: Callable[[str], None]) -> None:
        """Write all outcomes as they come, count them, and tell the user what is to be told."""
        for outcome in chain(self.failed, outcomes):
            kept = self._keep(outcome)
            progress.count(kept)
            if isinstance(kept, Scored) and kept.notice is not None:
                notify(kept.notice)
        self._bring_up()

    def _keep(self, outcome: Outcome) -> Outcome:
        """Write the outcome of a recording; if only its timeline cannot be written, it becomes a failure."""
        if isinstance(outcome, Scored):
            try:
                self._folder.finish(outcome, explain=self._tables.explain)
            except OutputError as error:
                self._folder.probe()  # raises where nothing can be written at all
                outcome = Failed(outcome.recording, str(error))
        if isinstance(outcome, Failed):
            self._failures[outcome.recording] = outcome.reason
        else:
            self._failures.pop(outcome.recording, None)
            self._calls.append(outcome)
        if len(self._calls) >= _KEEP_CALLS or time.monotonic() - self._kept >= _KEEP_S:
            self._bring_up()
        return outcome

    def _bring_up(self) -> None:
        """Write the pending rows of the tables, and the list of failures if it has changed."""
        calls, self._calls = self._calls, []
        if calls:
            self._tables.add(calls)
        if self._failures != self._listed:
            self._folder.write_failures(self._failures)
            self._listed = dict(self._failures)
        self._kept = time.monotonic()
