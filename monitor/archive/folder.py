"""An archive's folder: its files, settings, lock, done markers and failures.

* `support/call.wav.csv`: a timeline for each recording, under the recording's own path
* `turns/*.parquet`, `calls/*.parquet`: all turns, and all calls with a row each
* `failures.csv`: what could not be read, and why
* `archive.json`: the settings; all results are made with the same ones
* `.archive/`: the done markers, the lock, and temporary files
"""

from __future__ import annotations

import csv
import filecmp
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from monitor.archive.recordings import Found
from monitor.archive.scoring import Failed, Finished, Scored, state_of
from monitor.exporters.csv import CsvLines, neutralised
from monitor.options import AnalysisOptions
from monitor.timeline.file import unneutralised
from monitor.transcribers import Transcriber
from stser_core.errors import DataError, UsageError
from stser_core.files import locked, utf8, writing, written

if TYPE_CHECKING:
    from stser_core.recognizer import EmotionRecognizer

SETTINGS = "archive.json"
FAILURES = "failures.csv"
TURNS = "turns"
CALLS = "calls"
OVERVIEW = "overview.html"
_OWN = ".archive"
_FORMAT = 1
_RESERVED = frozenset({SETTINGS, FAILURES, TURNS, CALLS, OVERVIEW, _OWN})
_LONGEST = 255
"""Bytes in a file name, on all usual file systems."""

_NOT_IN_WINDOWS = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)', re.IGNORECASE)

_ORIGIN = {
    "checkpoint_sum": "content of the checkpoint",
    "language": "language of --asr",
    "accelerator": "--runtime, or on another accelerator",
}
"""The origin of a setting that is not the whole of the option of its name."""


def timeline_name(recording: str) -> str:
    """The name of a recording's timeline: the recording's own, with `/` between its parts, and `.csv`.

    The whole name stays, so that `a.wav` and `a.mp3` have one each. Parts that are too long or that Windows cannot
    keep, and names that the archive has for files of its own, are changed and get some digits of their checksum, so
    that no two become one.
    """
    parts = recording.split("/")
    last = len(parts) - 1
    return "/".join(_kept(part, ".csv" * (place == last), first=place == 0) for place, part in enumerate(parts))


def _kept(part: str, ending: str, *, first: bool) -> str:
    encoded, whole = part.encode(errors="surrogateescape"), part + ending
    fits = len(encoded) + len(ending) <= _LONGEST and not _NOT_IN_WINDOWS.search(part)
    if fits and not (first and whole.lower() in _RESERVED):
        return whole
    mark = f"~{hashlib.sha256(encoded).hexdigest()[:8]}{ending}"
    cut = encoded[: _LONGEST - len(mark) - 1].decode(errors="ignore")
    return _NOT_IN_WINDOWS.sub(lambda bad: f"{bad[1] or ''}_", cut) + mark


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
        """Lock the folder, until a kill at the latest; raises an `OutputError` if another process has it."""
        with locked(self.root, self.root / _OWN / "lock"):
            with writing(self.root):
                self.temporary.mkdir(parents=True, exist_ok=True)
            for path in self.temporary.iterdir():  # what a process that was killed was writing
                path.unlink()
            yield

    def check_settings(self, settings: Mapping[str, object]) -> None:
        """Write the archive's settings, or check that they are the same as before.

        Other settings are refused, because a table of mixed rows is useless, and a wrong option must not discard weeks
        of work.

        Raises:
            UsageError: The archive was made with other settings.
            DataError: The file is damaged.
        """
        path = self.root / SETTINGS
        if not path.exists():
            content = msgspec.json.format(msgspec.json.encode(_Settings(_FORMAT, settings)), indent=2)
            self._write(path, content + b"\n")
            return
        before = read_settings(self.root)
        for name, value in settings.items():
            if before.get(name) != value:
                origin = _ORIGIN.get(name, "--" + name.replace("_", "-"))
                raise UsageError(
                    f"The archive '{self.root}' was made with another {origin} ({_shown(before.get(name))}, now "
                    f"{_shown(value)}); repeat its options, or give another folder with --out."
                )

    def is_done(self, found: Found) -> bool:
        """Whether a recording is done as it is now: same size, same time, and its timeline exists."""
        marker = _read(self._marker_path(found.name))
        return (
            marker is not None
            and (marker.recording, marker.size, marker.modified_ns) == (found.name, *state_of(found))
            and self.timeline(found.name).is_file()
        )

    def conflict(self, found: Found) -> Failed | None:
        """A failure where the archive holds another recording of this name: with other content, and still there.

        Of a recording that was copied, the copy counts from now on.
        """
        marker = _read(self._marker_path(found.name))
        if marker is None or marker.path in (None, found.utf8_path) or not self.timeline(found.name).is_file():
            return None
        try:
            same = filecmp.cmp(marker.path, found.path, shallow=False)
        except OSError:  # one of them is gone
            return None
        if same:
            self._write(self._marker_path(found.name), msgspec.json.encode(replace(marker, path=found.utf8_path)))
            return None
        reason = (
            f"The archive holds '{marker.path}' under this name; archive the folder above both, or use another --out."
        )
        return Failed(found.name, reason)

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


@dataclass(frozen=True)
class _Settings:
    format: int
    settings: Mapping[str, object]


def archive_settings(
    options: AnalysisOptions, recognizer: EmotionRecognizer, transcriber: Transcriber
) -> dict[str, object]:
    """All that the rows depend on besides the recordings: the options, with `auto` and names resolved."""
    from stser_core.checkpoint import resolve
    from stser_core.ensemble import format_prior

    settings = {
        **asdict(replace(options.scoring, checkpoint=recognizer.name, prior=format_prior(recognizer.prior))),
        "checkpoint_sum": _sum_of(resolve(options.scoring.checkpoint)),
        **asdict(options.segmentation),
        **asdict(options.recording),
        **asdict(options.transcription),
        "asr": transcriber.name,
        "language": options.transcription.transcriber().language,
        # A GPU and the onnx runtime round otherwise than torch on a CPU.
        "accelerator": recognizer.accelerator if options.scoring.runtime == "torch" else "onnx",
    }
    del settings["runtime"]  # the accelerator says it
    return settings


def _sum_of(folder: Path) -> str:
    """SHA-256 over the names and contents of all files of a folder but its texts (`*.md`) and graphs (`onnx`)."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".md" and path.parent != folder / "onnx":
            digest.update(path.relative_to(folder).as_posix().encode(errors="backslashreplace") + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def read_settings(root: Path) -> Mapping[str, object]:
    """Read an archive's settings; raises a `DataError` if they are missing, damaged, or of a later version."""
    path = root / SETTINGS
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_Settings)
    except OSError as error:
        raise DataError(
            f"'{root}' is not an archive: it has no {SETTINGS}; stser-monitor archive makes one."
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"'{path}' is damaged ({error}), so '{root}' cannot be continued.") from error
    if file.format != _FORMAT:
        raise DataError(f"'{root}' is an archive of format {file.format}; this program reads format {_FORMAT}.")
    return file.settings


def _shown(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    text = str(value)
    return text if len(text) <= 60 else f"{text[:12]}…"
