"""Decoded and trimmed clips in one memory-mapped file, so that an epoch never decodes audio.

What is kept is the waveform, not its spectrogram: augmentation changes the sound itself, and a spectrogram costs
less than a hundredth of the training step that follows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec
import numpy as np
from filelock import FileLock

from stser_core.audio import load_mono
from stser_core.errors import DataError, OutputError, StserError
from stser_core.features import FeatureSettings, trim
from stser_core.training.progress import progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stser_core.training.clip import Clip

_FULL_SCALE = 32_767
_THREADS = 4


@dataclass(frozen=True)
class Stored:
    """Where a clip lies: first sample, number of samples, and the peak to which its 16-bit samples were scaled."""

    start: int
    length: int
    peak: float


class SoundCache:
    """Waveforms by recording, as the recognizer would trim them."""

    def __init__(self, samples: NDArray[np.int16], index: Mapping[str, Stored]) -> None:
        self._samples = samples
        self._index = index

    @classmethod
    def of(cls, clips: Sequence[Clip], folder: Path, settings: FeatureSettings) -> SoundCache:
        """Open the cache of these clips, and make it first where it is missing or a recording has changed.

        Args:
            clips: Those without a recording are passed over.
            folder: Where caches are kept.
            settings: Of the trimming.

        Raises:
            DataError: Recordings cannot be decoded; the message counts them and names the first.
            OutputError: The folder cannot be written.
        """
        paths = sorted({clip.path for clip in clips if clip.path is not None})
        stem = folder / f"sound-{_fingerprint(paths, settings)}"
        sound, index = stem.with_suffix(".i16"), stem.with_suffix(".json")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(stem.with_suffix(".lock")):  # of several processes, one makes it and the others wait
                if not index.is_file():
                    partial, listed = sound.with_suffix(".partial"), index.with_suffix(".partial.json")
                    made = _write(paths, partial, settings)
                    partial.rename(sound)
                    listed.write_bytes(msgspec.json.encode(made))
                    listed.rename(index)  # whole, or not there
        except OSError as error:
            raise OutputError(f"The sound cache in {folder} cannot be written ({error.strerror}).") from error
        stored = msgspec.json.decode(index.read_bytes(), type=dict[str, Stored])
        empty = np.zeros(0, dtype=np.int16)
        return cls(np.memmap(sound, dtype=np.int16, mode="r") if sound.stat().st_size else empty, stored)

    def load(self, path: Path) -> NDArray[np.float32]:
        """A recording's waveform, as `samples` gives a clip's."""
        return self._of(str(path))

    def samples(self, clip: Clip) -> NDArray[np.float32]:
        """A clip's waveform: float32 [n] in −1…1, 16 kHz."""
        return self._of(str(clip.path))

    def _of(self, path: str) -> NDArray[np.float32]:
        stored = self._index[path]
        raw = self._samples[stored.start : stored.start + stored.length]
        return raw.astype(np.float32) * np.float32(stored.peak / _FULL_SCALE)

    def length(self, clip: Clip) -> int:
        """Samples in a clip's waveform; 0 for a clip without a recording."""
        return self._index[str(clip.path)].length if clip.path is not None else 0


def _write(paths: Sequence[Path], target: Path, settings: FeatureSettings) -> dict[str, Stored]:
    stored: dict[str, Stored] = {}
    failures: list[str] = []
    with target.open("wb") as file, ThreadPoolExecutor(_THREADS) as pool:
        decoded = pool.map(_load, paths)
        for path, sound in progress(zip(paths, decoded, strict=True), "Decoding", len(paths)):
            if isinstance(sound, str):
                failures.append(sound)
            else:
                stored[str(path)] = _append(file, trim(sound, settings)[0])
    if failures:
        raise DataError(f"{len(failures):,} of {len(paths):,} recordings cannot be used: {failures[0]}")
    return stored


def _append(file: BinaryIO, sound: NDArray[np.float32]) -> Stored:
    peak = float(np.abs(sound).max(initial=0.0)) or 1.0
    start = file.tell() // 2
    file.write((sound * (_FULL_SCALE / peak)).round().astype(np.int16).tobytes())
    return Stored(start, len(sound), peak)


def _load(path: Path) -> NDArray[np.float32] | str:
    try:
        return load_mono(path)
    except StserError as error:
        return str(error)


def _fingerprint(paths: Sequence[Path], settings: FeatureSettings) -> str:
    digest = hashlib.sha256(f"{settings.trim_db} {settings.margin_ms}".encode())
    for path in paths:
        try:
            stat = path.stat()
        except OSError as error:
            raise DataError(f"The recording {path} cannot be read ({error.strerror}).") from error
        digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
