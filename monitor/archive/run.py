"""An archive's run: processes the missing recordings, and writes each result at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.archive.folder import SETTINGS, ArchiveFolder, Failures
from monitor.archive.recordings import Found, size_of
from monitor.archive.scoring import Failed, Outcome, Running, Scored
from monitor.archive.settings import check_settings
from monitor.archive.tables import Tables
from stser_core.errors import OutputError

_KEEP_S = 20.0
_KEEP_CALLS = 100
_HOUR_S = 3600.0


@dataclass(frozen=True)
class Plan:
    """The work of a run.

    Attributes:
        recordings: All that was found.
        missing: Those that are not done, as they are now.
        changed: How many of the missing were done before they changed.
    """

    recordings: Sequence[Found]
    missing: Sequence[Found]
    changed: int


def plan(folder: ArchiveFolder, recordings: Sequence[Found]) -> Plan:
    """Compare what there is with what is done."""
    missing = [found for found in recordings if not folder.is_done(found)]
    return Plan(recordings, missing, changed=sum(map(folder.is_known, missing)))


class Progress:
    """Progress of a run: counted by one thread, read by any.

    Attributes:
        recordings: How many were found.
        before: How many of them were done before this run.
        done: How many this run has done.
        failed: How many it could not do.
        size: Bytes of all recordings.
        gone_size: Bytes of those that are done or failed.
        heard_s: Seconds of sound that this run has finished.
    """

    def __init__(
        self, todo: Plan, position_s: Callable[[], float] = lambda: 0.0, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin.

        Args:
            todo: The work.
            position_s: Seconds of the recordings that are being scored, and so not yet counted.
            now: The clock.
        """
        self._sizes = {found.name: size_of(found) for found in todo.recordings}
        self._position_s, self._now, self._started = position_s, now, now()
        self.recordings = len(todo.recordings)
        self.before = self.recordings - len(todo.missing)
        self.done = self.failed = 0
        self.size = sum(self._sizes.values())
        self._start_size = self.gone_size = self.size - sum(self._sizes[found.name] for found in todo.missing)
        self.heard_s = 0.0

    def count(self, recording: str, heard_s: float | None) -> None:
        """Count a recording that is done, or, with `None`, one that could not be done."""
        self.gone_size += self._sizes[recording]
        if heard_s is None:
            self.failed += 1
        else:
            self.done += 1
            self.heard_s += heard_s

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self._now() - self._started

    @property
    def hours_an_hour(self) -> float:
        """Hours of sound scored in an hour; 0 at the start."""
        elapsed = self.elapsed_s
        return (self.heard_s + self._position_s()) / elapsed if elapsed > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds to go, by the bytes that are left; `None` before the first recording is done."""
        gone = self.gone_size - self._start_size
        return self.elapsed_s * (self.size - self.gone_size) / gone if gone > 0 else None

    def line(self) -> str:
        """All of it on one line."""
        left_s = self.left_s
        return ", ".join(
            [
                f"{self.before + self.done + self.failed} of {self.recordings} recordings",
                *([f"{self.failed} failed"] if self.failed else []),
                f"{self.heard_s / _HOUR_S:.2f} h scored",
                f"{self.hours_an_hour:.0f} h an hour",
                *([] if left_s is None else [f"{duration(left_s)} left"]),
            ]
        )


def duration(seconds: float) -> str:
    """Seconds as a person says them: `45 s`, `3 min`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    minutes = round(whole / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


@dataclass
class ArchiveWriter:
    """Writes results as they come. One thread uses it, which holds the archive's lock.

    A timeline and its done marker are kept at once; the tables and the list of failures follow a few seconds later, and
    the next start adds what a killed process left out.

    Raises (all methods):
        OutputError: The disk is full, or the like.
    """

    folder: ArchiveFolder
    tables: Tables
    failures: Failures
    _calls: list[Scored] = field(default_factory=list)
    _kept: float = field(default_factory=time.monotonic)

    @classmethod
    def begin(cls, folder: ArchiveFolder, settings: Mapping[str, object], missing: Sequence[Found]) -> ArchiveWriter:
        """Continue an archive, or begin one.

        Args:
            folder: Its lock is held.
            settings: Those of this run.
            missing: What is to be done; of earlier failures, only those among it are still listed.

        Raises:
            UsageError: It was made with other settings.
            DataError: Something in it is damaged.
        """
        check_settings(folder.root / SETTINGS, settings, folder.temporary)
        tables = Tables(folder, explain=bool(settings["explain"]))
        tables.complete()
        return cls(folder, tables, Failures(folder, {found.name for found in missing}))

    def keep(self, outcome: Outcome) -> Outcome:
        """Write the outcome of a recording; if only its timeline cannot be written, it becomes a failure."""
        if not isinstance(outcome, Failed):
            try:
                self.folder.finish(outcome, explain=self.tables.explain)
            except OutputError as error:
                self._raise_unless_writable(error)
                outcome = Failed(outcome.recording, str(error))
        if isinstance(outcome, Failed):
            self.failures.add(outcome.recording, outcome.reason)
        else:
            self.failures.remove(outcome.recording)
            self._calls.append(outcome)
        if len(self._calls) >= _KEEP_CALLS or time.monotonic() - self._kept >= _KEEP_S:
            self.bring_up()
        return outcome

    def bring_up(self) -> None:
        """Write the pending rows of the tables, and the failures."""
        calls, self._calls = self._calls, []
        if calls:
            self.tables.add(calls)
        self.failures.write()
        self._kept = time.monotonic()

    def _raise_unless_writable(self, error: OutputError) -> None:
        """Raise if nothing can be written at all, as on a full disk."""
        try:
            self.folder.probe()
        except OutputError:
            raise error from None


def run(
    writer: ArchiveWriter,
    outcomes: Iterable[Outcome],
    running: Running,
    progress: Progress,
    notify: Callable[[str], None],
) -> None:
    """Write all outcomes as they come.

    Raises:
        StserError: They cannot be kept, or no more will come. What was kept before stays.
    """
    try:
        for outcome in outcomes:
            kept = writer.keep(outcome)
            if isinstance(kept, Failed):
                progress.count(kept.recording, None)
                continue
            progress.count(kept.recording, kept.finished.heard_s)
            if kept.notice is not None:
                notify(kept.notice)
    except BaseException:
        running.halt()
        raise
    writer.bring_up()
