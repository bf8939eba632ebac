"""Decoded and trimmed recordings on disk, so that an epoch never decodes audio."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stser_core.audio import load_mono
from stser_core.config import FeatureConfig
from stser_core.errors import DataError, StserError
from stser_core.features import trim
from stser_core.training.array_store import ArrayStore, content_key
from stser_core.training.clip import Clip
from stser_core.training.progress import progress

_THREADS = 4


class SoundCache:
    """Waveforms by recording, trimmed as the recognizer trims them."""

    def __init__(self, clips: Sequence[Clip], folder: Path, features: FeatureConfig) -> None:
        """Decode what is not kept yet."""
        self._store = ArrayStore(folder, "sound", features.trim_db, features.margin_ms)
        self._features = features
        paths = sorted({clip.path for clip in clips if clip.path is not None})
        missing = [path for path in paths if not self._store.has(content_key(path))]
        with ThreadPoolExecutor(_THREADS) as pool:
            failures = [one for one in progress(pool.map(self._decode, missing), "Decoding", len(missing)) if one]
        if failures:
            raise DataError(f"{len(failures):,} of {len(paths):,} recordings cannot be used: {failures[0]}")
        self._lengths = {path: self._store.length(content_key(path)) for path in paths}

    def samples(self, clip: Clip) -> NDArray[np.float32]:
        """A clip's waveform: float32 [n] in −1…1, 16 kHz."""
        assert clip.path is not None
        return self._store.load(content_key(clip.path))

    def length(self, clip: Clip) -> int:
        """Samples in a clip's waveform; 0 for a clip without a recording."""
        return self._lengths[clip.path] if clip.path is not None else 0

    def _decode(self, path: Path) -> str | None:
        try:
            sound = load_mono(path)
        except StserError as error:
            return str(error)
        self._store.save(content_key(path), trim(sound, self._features)[0])
        return None
