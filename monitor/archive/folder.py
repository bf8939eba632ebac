"""An archive's folder: its files, the lock, done markers and failures.

* `support/call.wav.csv`: a timeline for each recording, under the recording's own path
* `turns/*.parquet`, `calls/*.parquet`: all turns, and all calls with a row each
* `failures.csv`: what could not be read, and why
* `archive.json`: what it was made with
* `.archive/`: the done markers, the lock, and temporary files
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from monitor.archive.names import file_name
from monitor.archive.recordings import Found
from monitor.archive.scoring import Finished, Scored
from monitor.exporters.csv import CsvLines, neutralised
from monitor.timeline.file import unneutralised
from stser_core.errors import OutputError
from stser_core.files import cannot_write, utf8, written

SETTINGS = "archive.json"
FAILURES = "failures.csv"
TURNS = "turns"
CALLS = "calls"
OVERVIEW = "overview.html"
_OWN = ".archive"
_RESERVED = frozenset({SETTINGS, FAILURES, TURNS, CALLS, OVERVIEW, _OWN})


def timeline_name(recording: str) -> str:
    """The name of a recording's timeline.

    The whole name stays, so that `a.wav` and `a.mp3` have one each, but where it could not be kept, or the archive has
    a file of that name; see `file_name`.
    """
    return file_name(recording, ".csv", _RESERVED)


def report_name(recording: str) -> str:
    """The name of the page that `stser-monitor report` makes of a recording's timeline."""
    return timeline_name(recording).removesuffix(".csv") + ".html"


class ArchiveFolder:
    """The folder and its bookkeeping. All writing is done by one thread of one process, which holds the lock."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.temporary = root / _OWN / "temporary"
        self._markers = root / _OWN / "finished"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder; the system releases the lock even if the process is killed.

        Raises:
            OutputError: Another process has it, or the folder cannot be made.
        """
        from filelock import FileLock, Timeout

        try:
            self.temporary.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.root / _OWN / "lock")
            lock.acquire(timeout=0)
        except Timeout as error:
            raise OutputError(
                f"Another stser-monitor is writing into '{self.root}'; wait for it, or give another folder with --out."
            ) from error
        except OSError as error:
            raise cannot_write(self.root, error) from error
        try:
            for path in self.temporary.iterdir():  # what a process that was killed was writing
                path.unlink()
            yield
        finally:
            lock.release()

    def is_done(self, found: Found) -> bool:
        """Whether a recording is done as it is now: same size, same time, and its timeline exists."""
        marker = self._marker(found.name)
        try:
            file = os.stat(found.path)  # noqa: PTH116  the path may hold bytes that are not UTF-8
        except OSError:
            return False
        return (
            marker is not None
            and (marker.size, marker.modified_ns) == (file.st_size, file.st_mtime_ns)
            and self.timeline(found.name).is_file()
        )

    def is_known(self, found: Found) -> bool:
        """Whether the recording was done before, in this or an older version."""
        return self._marker(found.name) is not None

    def finish(self, scored: Scored, *, explain: bool = False) -> None:
        """Keep a recording's timeline, and then its done marker.

        Args:
            scored: The recording's turns and its done marker.
            explain: Whether the timeline has the columns of `--explain`.

        Raises:
            OutputError: The disk is full, or the like; the recording is not done then.
        """
        name = scored.finished.recording
        lines = CsvLines(explain=explain)
        self._write(self.timeline(name), (lines.header + "".join(map(lines.turn, scored.turns))).encode())
        self._write(self._marker_path(name), msgspec.json.encode(scored.finished))

    def finished(self) -> Iterator[Finished]:
        """The done markers of all finished recordings, in any order."""
        for path in self._markers.glob("*/*.json"):
            marker = _read(path)
            if marker is not None and self.timeline(marker.recording).is_file():
                yield marker

    def timeline(self, recording: str) -> Path:
        """The path of a recording's timeline."""
        return self.root / timeline_name(recording)

    def probe(self) -> None:
        """Check that files can be written.

        Raises:
            OutputError: The disk is full, or the like.
        """
        self._write(self.root / _OWN / "probe", bytes(4096))

    def _write(self, path: Path, content: bytes) -> None:
        with written(path, self.temporary) as file:
            file.write(content)

    def _marker(self, recording: str) -> Finished | None:
        marker = _read(self._marker_path(recording))
        return marker if marker is not None and marker.recording == recording else None

    def _marker_path(self, recording: str) -> Path:
        digest = hashlib.sha256(recording.encode()).hexdigest()
        return self._markers / digest[:2] / f"{digest[2:34]}.json"


def _read(path: Path) -> Finished | None:
    """A done marker; `None` where it is missing or damaged, so that the recording is processed again."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Finished)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


class Failures:
    """`failures.csv`, which is written as a whole; each run tries what is on it again."""

    def __init__(self, folder: ArchiveFolder, still: Collection[str]) -> None:
        """Read the list of an earlier run, if it exists.

        Args:
            folder: The archive.
            still: The recordings that are not done; only these stay on the list.
        """
        self._folder = folder
        before = read_failures(folder.root)
        self._reasons = {recording: reason for recording, reason in before.items() if recording in still}
        self._written = (folder.root / FAILURES).exists() and self._reasons == before

    def add(self, recording: str, reason: str) -> None:
        """Put a recording on the list."""
        self._reasons[recording] = reason
        self._written = False

    def remove(self, recording: str) -> None:
        """Take a recording off the list, since it could be read."""
        if self._reasons.pop(recording, None) is not None:
            self._written = False

    def write(self) -> None:
        """Write the list if it has changed.

        Raises:
            OutputError: It cannot be written.
        """
        if self._written:
            return
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("recording", "reason"))
        writer.writerows(tuple(map(neutralised, row)) for row in sorted(self._reasons.items()))
        content = utf8(text.getvalue())
        with written(self._folder.root / FAILURES, self._folder.temporary) as file:
            file.write(content)
        self._written = True


def read_failures(root: Path) -> dict[str, str]:
    """The reason for each failed recording of an archive; empty without a list."""
    path = root / FAILURES
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.reader(file))
    return {unneutralised(row[0]): unneutralised(row[1]) for row in rows[1:] if len(row) == 2}
