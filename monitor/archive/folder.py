"""An archive's folder: what lies where, who may write in it, and which recordings are done.

* `support/call.wav.csv`: a timeline for each recording, under the recording's own path
* `turns/*.parquet`, `calls/*.parquet`: all turns, and all calls with a row each
* `failures.csv`: what could not be read, and why
* `archive.json`: what it was made with
* `.archive/`: the proofs of what is done, the lock, and files that are being written
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from monitor.archive.outcome import Finished, Scored
from monitor.archive.recordings import Found
from monitor.exporters.csv import csv_header, csv_record
from stser_core.errors import OutputError
from stser_core.files import cannot_write, written

SETTINGS = "archive.json"
FAILURES = "failures.csv"
TURNS = "turns"
CALLS = "calls"
_SUFFIX = ".csv"


def timeline_name(recording: str) -> str:
    """The name of a recording's timeline; the whole name stays, so that `a.wav` and `a.mp3` have one each."""
    return recording + _SUFFIX


class ArchiveFolder:
    """The folder and its bookkeeping. All writing is done by one thread of one process, which holds the lock."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._own = root / ".archive"
        self.aside = self._own / "aside"
        self._proofs = self._own / "finished"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep the folder to oneself; the system lets go of it even if the process is killed.

        Raises:
            OutputError: Another process has it, or the folder cannot be made.
        """
        from filelock import FileLock, Timeout

        try:
            self.aside.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._own / "lock")
            lock.acquire(timeout=0)
        except Timeout as error:
            raise OutputError(
                f"Another stser-monitor is writing into '{self.root}'; wait for it, or give another folder with --out."
            ) from error
        except OSError as error:
            raise cannot_write(self.root, error) from error
        try:
            self._clear_aside()
            yield
        finally:
            lock.release()

    def is_done(self, found: Found) -> bool:
        """Whether a recording is done as it is now: same size, same time, and its timeline is there."""
        proof = self._proof(found.name)
        try:
            file = os.stat(found.path)  # noqa: PTH116  the path may hold bytes that are no UTF-8
        except OSError:
            return False
        return (
            proof is not None
            and (proof.size, proof.modified_ns) == (file.st_size, file.st_mtime_ns)
            and self.timeline(found.name).is_file()
        )

    def is_known(self, found: Found) -> bool:
        """Whether the recording was done before, be it as it is now or not."""
        return self._proof(found.name) is not None

    def finish(self, scored: Scored, *, explain: bool = False) -> None:
        """Keep a recording's timeline, and then the proof that it is done.

        Args:
            scored: The recording's turns and its proof.
            explain: Whether the timeline has the columns of `--explain`.

        Raises:
            OutputError: The disk is full, or the like; the recording is not done then.
        """
        name = scored.finished.recording
        timeline = csv_header(explain=explain) + "".join(csv_record(turn, explain=explain) for turn in scored.turns)
        with written(self.timeline(name), self.aside) as file:
            file.write(timeline.encode())
        with written(self._proof_path(name), self.aside) as file:
            file.write(msgspec.json.encode(scored.finished))

    def finished(self) -> Iterator[Finished]:
        """All that is done, in no order."""
        for path in self._proofs.glob("*/*.json"):
            proof = _read(path)
            if proof is not None and self.timeline(proof.recording).is_file():
                yield proof

    def timeline(self, recording: str) -> Path:
        """Where a recording's timeline is."""
        return self.root / timeline_name(recording)

    def _proof(self, recording: str) -> Finished | None:
        proof = _read(self._proof_path(recording))
        return proof if proof is not None and proof.recording == recording else None

    def _proof_path(self, recording: str) -> Path:
        digest = hashlib.sha256(recording.encode()).hexdigest()
        return self._proofs / digest[:2] / f"{digest[2:34]}.json"

    def _clear_aside(self) -> None:
        """Take away what a process that was killed was writing."""
        for path in self.aside.iterdir():
            path.unlink()


def _read(path: Path) -> Finished | None:
    """A proof; none is none, and so is one that an ailing disk has damaged: its recording is done again."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Finished)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
