"""Unpacks a downloaded zip archive."""

from __future__ import annotations

import lzma
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from stser_core.errors import DownloadError

_MOST_FILES = 1_000
_LONGEST_REASON = 120
"""Letters of what zipfile says, which may quote as much of a damaged archive as it takes for a name."""


def unpack(archive: Path, into: Path, most_bytes: int) -> None:
    """Unpack an archive of plain files and folders.

    All names and sizes are checked before the first file is written.

    Args:
        archive: The zip file.
        into: An existing, empty folder.
        most_bytes: More than this, unpacked, is refused.

    Raises:
        DownloadError: The archive is damaged, too large when unpacked, or holds anything but files and folders
            inside `into` (absolute paths, `..`, links, devices).
        OSError: A file cannot be written.
    """
    try:
        with _reading():
            opened = zipfile.ZipFile(archive)
        with opened as zipped:
            members = zipped.infolist()
            for member in members:
                _check(member, archive)
            total = sum(member.file_size for member in members)
            if total > most_bytes or len(members) > _MOST_FILES:
                raise DownloadError(
                    f"{archive.name} would unpack to {total} bytes in {len(members)} files, more than the "
                    f"{most_bytes} bytes in {_MOST_FILES} files that are allowed; it was not unpacked."
                )
            for member in members:
                _write(zipped, member, into)
    # RuntimeError: the archive is encrypted. NotImplementedError: an unknown compression.
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError) as error:
        raise DownloadError(f"{archive.name} is damaged ({str(error)[:_LONGEST_REASON]}).") from error


@contextmanager
def _reading() -> Iterator[None]:
    """Report wrong offsets in the archive's directory as damage, not as disk errors."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise zipfile.BadZipFile(str(error)) from error


def _check(member: zipfile.ZipInfo, archive: Path) -> None:
    # orig_filename: zipfile itself replaces separators and cuts names at a null byte.
    path = PurePosixPath(member.orig_filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or PureWindowsPath(path).drive or "\0" in member.orig_filename:
        raise DownloadError(f"{archive.name} holds a file outside its folder ({member.orig_filename!r}); refused.")
    # Archives made on Windows carry no Unix mode, which reads as 0.
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise DownloadError(f"{archive.name} holds a link or device ({member.filename!r}); refused.")


def _write(zipped: zipfile.ZipFile, member: zipfile.ZipInfo, into: Path) -> None:
    target = into / member.filename
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with _reading():
        opened = zipped.open(member)
    with opened as packed, target.open("wb") as file:
        # zipfile reads no more than the size that was added up above.
        shutil.copyfileobj(packed, file)
