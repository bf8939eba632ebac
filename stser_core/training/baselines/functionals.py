"""The extended Geneva minimalistic acoustic parameter set, as openSMILE computes it, kept on disk.

88 functionals of pitch, loudness, spectrum and voicing over an utterance (Eyben et al. 2016,
https://doi.org/10.1109/TAFFC.2015.2457417), in the version eGeMAPSv02.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stser_core.audio import SAMPLE_RATE
from stser_core.errors import MissingExtraError, OutputError
from stser_core.files import written
from stser_core.training.clip import Clip
from stser_core.training.progress import progress
from stser_core.training.sound_cache import SoundCache

LOUDNESS = 0.05
"""Root mean square to which every clip is scaled (−26 dBFS, where speech seldom clips): the distance to the
microphone tells corpora apart, not emotions."""

_SET = "eGeMAPSv02"
_SHORTEST = SAMPLE_RATE // 10
_THREADS = 4
_PROSODY = ("F0semitone", "loudness", "VoicedSegments", "MeanVoiced", "StddevVoiced", "MeanUnvoiced", "StddevUnvoiced")


def functionals(clips: Sequence[Clip], sounds: SoundCache, cache: Path) -> NDArray[np.float32]:
    """Compute the functionals of clips, or read those that were computed before.

    Returns float32 [clips, 88], each sound brought to the same loudness first.
    """
    smile = _extractor()
    folder = cache / "egemaps"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(_THREADS) as pool:
            found = pool.map(lambda clip: _cached(sounds.samples(clip), smile, folder), clips)
            rows = list(progress(found, "eGeMAPS", len(clips)))
    except OSError as error:
        raise OutputError(f"The features in {folder} cannot be kept ({error.strerror}).") from error
    return np.stack(rows) if rows else np.zeros((0, smile.num_features), dtype=np.float32)


def prosody_columns() -> list[int]:
    """Which functionals speak of pitch, loudness and voicing: 26 of the 88."""
    return [column for column, name in enumerate(_extractor().feature_names) if name.startswith(_PROSODY)]


def _extractor() -> Any:  # noqa: ANN401 (openSMILE has no types)
    try:
        from opensmile import FeatureLevel, FeatureSet, Smile
    except ImportError as error:
        raise MissingExtraError("The eGeMAPS features", "baselines") from error
    return Smile(feature_set=FeatureSet[_SET], feature_level=FeatureLevel.Functionals)


def _cached(samples: NDArray[np.float32], smile: Any, folder: Path) -> NDArray[np.float32]:  # noqa: ANN401
    # Keyed by the sound itself: whoever trims it otherwise, or replaces a recording, gets other features.
    digest = hashlib.blake2b(samples.tobytes(), digest_size=12, person=_SET.encode()).hexdigest()
    path = folder / f"{digest}.npy"
    if path.is_file():
        kept: NDArray[np.float32] = np.load(path)
        return kept
    row = smile(_levelled(samples), SAMPLE_RATE).reshape(-1).astype(np.float32)
    with written(path) as file:
        np.save(file, row)
    return np.asarray(row, dtype=np.float32)


def _levelled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sound at the common loudness, and at least 0.1 s of it: openSMILE says nothing of less."""
    loudness = float(np.sqrt(np.square(samples).mean()))
    level = samples * np.float32(LOUDNESS / loudness) if loudness > 0 else samples
    level = np.pad(level, (0, max(0, _SHORTEST - len(level))))
    return np.clip(level, -1.0, 1.0 - 1 / 32_768)  # openSMILE reads 16 bits, which would wrap around
