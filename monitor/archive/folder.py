"""An archive's folder: its files, the lock, done markers and failures.

* `support/call.wav.csv`: a timeline for each recording, under the recording's own path
* `turns/*.parquet`, `calls/*.parquet`: all turns, and all calls with a row each
* `failures.csv`: what could not be read, and why
* `archive.json`: what it was made with
* `.archive/`: the done markers, the lock, and temporary files
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from monitor.archive.recordings import Found
from monitor.archive.scoring import Finished, Scored, state_of
from monitor.exporters.csv import CsvLines, neutralised
from monitor.timeline.file import unneutralised
from stser_core.files import locked, utf8, writing, written

SETTINGS = "archive.json"
FAILURES = "failures.csv"
TURNS = "turns"
CALLS = "calls"
OVERVIEW = "overview.html"
_OWN = ".archive"
_RESERVED = frozenset({SETTINGS, FAILURES, TURNS, CALLS, OVERVIEW, _OWN})
_LONGEST = 255
"""Bytes in a file name, on all usual file systems."""

_NOT_IN_WINDOWS = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)


def timeline_name(recording: str) -> str:
    """The name of a recording's timeline: the recording's own, with `/` between its parts, and `.csv`.

    The whole name stays, so that `a.wav` and `a.mp3` have one each. Parts that are too long or that Windows cannot
    keep, and names that the archive has for files of its own, are changed and get some digits of their checksum, so
    that no two become one.
    """
    *folders, name = recording.split("/")
    parts = [*(_kept(part) for part in folders), _kept(name, ".csv")]
    if parts[0].lower() in _RESERVED:
        parts[0] = _changed(folders[0]) if folders else _changed(name, ".csv")
    return "/".join(parts)


def report_name(recording: str) -> str:
    """The name of the page that `stser-monitor report` makes of a recording's timeline."""
    return timeline_name(recording).removesuffix(".csv") + ".html"


def _kept(part: str, ending: str = "") -> str:
    fits = len(part.encode(errors="surrogateescape")) + len(ending) <= _LONGEST
    return part + ending if fits and not _NOT_IN_WINDOWS.search(part) else _changed(part, ending)


def _changed(part: str, ending: str = "") -> str:
    encoded = part.encode(errors="surrogateescape")
    mark = f"~{hashlib.sha256(encoded).hexdigest()[:8]}{ending}"
    short = encoded[: _LONGEST - len(mark)].decode(errors="ignore")
    return _NOT_IN_WINDOWS.sub("_", short) + mark


class ArchiveFolder:
    """The folder and its bookkeeping. All writing is done by one thread of one process, which holds the lock.

    What writes raises an `OutputError` where the disk is full, or the like.
    """

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
        with locked(self.root, self.root / _OWN / "lock"):
            with writing(self.root):
                self.temporary.mkdir(parents=True, exist_ok=True)
            for path in self.temporary.iterdir():  # what a process that was killed was writing
                path.unlink()
            yield

    def is_done(self, found: Found) -> bool:
        """Whether a recording is done as it is now: same size, same time, and its timeline exists."""
        marker = _read(self._marker_path(found.name))
        return (
            marker is not None
            and (marker.recording, marker.size, marker.modified_ns) == (found.name, *state_of(found))
            and self.timeline(found.name).is_file()
        )

    def finish(self, scored: Scored, *, explain: bool = False) -> None:
        """Keep a recording's timeline, with the columns of `--explain` or without, and then its done marker."""
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

    def write_failures(self, reasons: Mapping[str, str]) -> None:
        """Write `failures.csv` as a whole: the recordings that failed, and why."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("recording", "reason"))
        writer.writerows(tuple(map(neutralised, row)) for row in sorted(reasons.items()))
        self._write(self.root / FAILURES, utf8(text.getvalue()))

    def probe(self) -> None:
        """Check that files can be written."""
        self._write(self.root / _OWN / "probe", bytes(4096))

    def _write(self, path: Path, content: bytes) -> None:
        with written(path, self.temporary) as file:
            file.write(content)

    def _marker_path(self, recording: str) -> Path:
        digest = hashlib.sha256(recording.encode()).hexdigest()
        return self._markers / digest[:2] / f"{digest[2:34]}.json"


def _read(path: Path) -> Finished | None:
    """A done marker; `None` where it is missing or damaged, so that the recording is processed again."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Finished)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def read_failures(root: Path) -> dict[str, str] | None:
    """The reason for each failed recording of an archive; `None` without a list."""
    path = root / FAILURES
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.reader(file))
    return {unneutralised(row[0]): unneutralised(row[1]) for row in rows[1:] if len(row) == 2}
