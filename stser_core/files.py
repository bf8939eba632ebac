"""Files that are written as a whole: each is either there with all of its content, or stays what it was."""

import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from os.path import isfile  # Path's own raises where a name is too long
from pathlib import Path
from typing import BinaryIO

from stser_core.errors import ClosedPipeError, OutputError, UsageError, reason

STDOUT = "-"

SOUND_SUFFIXES = frozenset(
    {".wav", ".wave", ".w64", ".rf64", ".bwf", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".flac", ".mp2", ".mp3"}
    | {".m4a", ".m4b", ".aac", ".ogg", ".oga", ".opus", ".spx", ".wma", ".amr", ".awb", ".3gp", ".3g2", ".gsm", ".ape"}
    | {".al", ".alaw", ".pcma", ".ul", ".ulaw", ".mulaw", ".pcmu", ".g722", ".g726", ".vox", ".sln", ".ra", ".rm"}
    | {".wv", ".tta", ".ac3", ".dts", ".mka", ".webm"}
)
RECORDING_SUFFIXES = SOUND_SUFFIXES | {
    *(".mp4", ".m4v", ".mov", ".mkv", ".avi", ".wmv", ".asf", ".flv", ".mpg", ".mpeg", ".ogv")
}

_SIGNATURE_BYTES = 16
_SIGNATURE = re.compile(
    rb"(RIFF|RF64)....WAVE|FORM....AIF|fLaC|OggS|ID3|\.snd|caff|#!AMR|....ftyp(M4A|isom|mp4)|\x1aE\xdf\xa3", re.DOTALL
)
"""What the files of common containers begin with; the last is that of Matroska and WebM."""

TEMPORARY_PREFIX = ".stser-"  # of the names of temporary files; short, since names are limited to 255 bytes


@contextmanager
def writing(target: str | Path) -> Iterator[None]:
    """Turn what the system says while something is written into an `OutputError`, of a pipe `ClosedPipeError`."""
    name = "standard output" if target == STDOUT else f"'{target}'"
    try:
        yield
    except BrokenPipeError as error:
        raise ClosedPipeError(f"Nobody reads {name} any more.") from error
    except OSError as error:
        raise OutputError(f"Cannot write {name}: {reason(error)}.") from error


@contextmanager
def written(path: Path, folder: Path | None = None) -> Iterator[BinaryIO]:
    """Lend a file that takes its place only when all of it is on the disk.

    It is written under a temporary name, synchronised and renamed, which POSIX makes one step; then its folder is
    synchronised, since the name is kept there. A file that was there before gives its permissions; a symbolic link is
    followed. With `folder`, the temporary file lies there, on the same file system, and the file's own folder is made.
    Raises `OutputError` where the disk is full, or the like; whatever was there before still is.
    """
    with writing(path):
        path = path.resolve()
        if folder is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        temporary = (folder or path.parent) / f"{TEMPORARY_PREFIX}{secrets.token_hex(4)}"
        opener = partial(os.open, mode=0o600 if path.exists() else 0o666)
        try:
            with open(temporary, "xb", opener=opener) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                temporary.chmod(path.stat().st_mode)
            temporary.replace(path)
            if os.name == "posix":  # elsewhere a folder cannot be opened
                descriptor = os.open(path.parent, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        finally:
            with suppress(OSError):
                temporary.unlink()


@contextmanager
def locked(folder: Path, lock: Path) -> Iterator[None]:
    """Keep other processes out of a folder, by a lock file in it; a killed process releases it.

    Both are made where they are not there. Raises `OutputError` where another process has the lock, or nothing can be
    written there.
    """
    from filelock import FileLock, Timeout

    with writing(folder):
        lock.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(lock)
        try:
            held.acquire(timeout=0)
        except Timeout as error:
            raise OutputError(
                f"Another stser-monitor is writing into '{folder}'; wait for it, or give another folder."
            ) from error
    try:
        yield
    finally:
        held.release()


def write_whole(target: str | Path, content: bytes) -> None:
    """Write a file as a whole, standard output (`-`), or into what is there but not regular; see `writing`."""
    with writing(target):
        if target == STDOUT:
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        elif Path(target).exists() and not stat.S_ISREG(Path(target).stat().st_mode):
            Path(target).write_bytes(content)
        else:
            with written(Path(target)) as file:
                file.write(content)


def is_recording(path: Path) -> bool:
    """Whether a file is a recording, by its extension or its first bytes."""
    if not isfile(path):  # noqa: PTH113
        return False
    if path.suffix.lower() in RECORDING_SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            start = file.read(_SIGNATURE_BYTES)
    except OSError:
        return False  # without an audio extension it need not be a recording
    return _SIGNATURE.match(start) is not None


def utf8(text: str) -> bytes:
    """UTF-8 with visible escapes for lone surrogates, which a file name that is not UTF-8 has."""
    return text.encode("utf-8", errors="backslashreplace")


def check_name(target: str) -> None:
    """Refuse a name that is empty (`UsageError`), a folder's, too long, or of a recording there (`OutputError`)."""
    if not target:
        raise UsageError("The name of an output is empty; name a file, or - for standard output.")
    if target.endswith(("/", os.sep)):
        raise OutputError(f"Cannot write '{target}': that is the name of a folder; add a file's name.")
    with writing(target), suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        Path(target).lstat()
        if is_recording(Path(target)):  # as of `--csv *.wav`
            raise OutputError(f"Cannot write '{target}': it is a recording; name another file.")


def check_writable(target: str) -> None:
    """Refuse, by an `OutputError` before the work, a file that cannot be written, and touch nothing; `-` always can."""
    if target == STDOUT:
        return
    check_name(target)
    path = Path(target)
    if path.is_dir():
        raise OutputError(f"Cannot write '{target}': it is a folder.")
    if not path.parent.is_dir():
        raise OutputError(f"Cannot write '{target}': the folder '{path.parent}' does not exist.")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"Cannot write '{target}': the folder '{path.parent}' is read-only.")


def check_not_input(target: str, source: Path, what: str) -> None:
    """Refuse, by a `UsageError`, to write a file over what it is made from, such as "the timeline"; `check_name` it."""
    with suppress(OSError):  # one of them is not there, or its name is too long
        if target != STDOUT and Path(target).samefile(source):
            raise UsageError(f"The output '{target}' is {what} itself; give another file.")
    check_name(target)
