"""Arrays on disk by the content that they follow from, one file each; several processes may share a store."""

from __future__ import annotations

import hashlib
import io
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stser_core.errors import DataError
from stser_core.training.output import write_atomically


class ArrayStore:
    """A folder of arrays.

    Attributes:
        folder: Where they are kept; created with the first one.
    """

    def __init__(self, folder: Path, *settings: object) -> None:
        """Open a store."""
        name = hashlib.blake2b(repr(settings).encode(), digest_size=8).hexdigest()
        self.folder = folder / f"{settings[0]}-{name}"

    def has(self, key: str) -> bool:
        """Whether the array of a key is kept."""
        return self._path(key).is_file()

    def load(self, key: str) -> NDArray[Any]:
        """The array of a key; `KeyError` where there is none."""
        try:
            array: NDArray[Any] = np.load(self._path(key), allow_pickle=False)
        except FileNotFoundError as error:
            raise KeyError(key) from error
        return array

    def length(self, key: str) -> int:
        """Length of the array's first axis."""
        return len(np.load(self._path(key), mmap_mode="r", allow_pickle=False))

    def save(self, key: str, array: NDArray[Any]) -> None:
        """Keep an array."""
        content = io.BytesIO()
        np.save(content, array, allow_pickle=False)
        write_atomically(self._path(key), content.getvalue())

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.npy"


def content_key(path: Path) -> str:
    """A digest of a file's content."""
    try:
        stat = path.stat()
        return _digest(path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise DataError(f"The recording {path} cannot be read ({error.strerror}).") from error


@lru_cache(maxsize=1 << 17)
def _digest(path: Path, size: int, modified_ns: int) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
