"""Frames of the frozen front end on disk, so that a training run takes minutes.

Version 0 of a clip is as recorded; the versions 1, 2, … come over seeded random telephone lines. What is kept depends
on the front end's weights, the recording's content and, for lines, the pauses that their noise is taken from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from stser_core.audio import SAMPLE_RATE, load_mono
from stser_core.errors import DataError, StserError
from stser_core.features import pad, trim
from stser_core.model import Stser
from stser_core.training.array_store import ArrayStore, content_key
from stser_core.training.clip import Clip
from stser_core.training.lines import available_codecs, random_line
from stser_core.training.progress import progress

LONGEST_S = 20
"""What is longer is cut: an utterance of a call is not longer."""

_THREADS = 2
_POOL = 64
_BATCH_SAMPLES = 40 * SAMPLE_RATE


class FrameCache:
    """Front-end frames by clip and version.

    Attributes:
        versions: Number of versions over telephone lines.
        size: Values in a frame.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        model: Stser,
        folder: Path,
        *,
        versions: int = 0,
        pauses: Sequence[NDArray[np.float32]] = (),
    ) -> None:
        """Compute what is not kept yet."""
        self.versions, self.size = versions, model.config.frame_size
        self._model, self._pauses = model, tuple(pauses)
        self._store = ArrayStore(folder, "frames", model.config.features, _weights_of(model))
        noises = hashlib.blake2b(repr(available_codecs()).encode(), digest_size=8)
        for pause in self._pauses:
            noises.update(pause.tobytes())
        self._lines = noises.hexdigest()
        paths = sorted({clip.path for clip in clips if clip.path is not None})
        wanted = [(path, version) for path in paths for version in range(versions + 1)]
        missing = [one for one in wanted if not self._store.has(self._key(*one))]
        failures = list(self._compute(missing)) if missing else []
        if failures:
            raise DataError(f"{len(failures):,} recordings cannot be used: {failures[0]}")
        self._lengths = {path: self._store.length(self._key(path, 0)) for path in paths}

    def frames(self, clip: Clip, version: int = 0) -> NDArray[np.float16]:
        """A clip's frames: float16 [n, size]."""
        assert clip.path is not None
        return self._store.load(self._key(clip.path, version))

    def length(self, clip: Clip) -> int:
        """Number of a clip's frames; 0 for a clip without a recording."""
        return self._lengths[clip.path] if clip.path is not None else 0

    def means(self, clips: Sequence[Clip]) -> NDArray[np.float32]:
        """The mean frame of each version of clips with recordings: float32 [versions + 1, clips, size]."""
        means = np.zeros((self.versions + 1, len(clips), self.size), dtype=np.float32)
        with ThreadPoolExecutor(_THREADS) as pool:
            for version in range(self.versions + 1):
                found = pool.map(lambda clip: self.frames(clip, version).astype(np.float32).mean(0), clips)  # noqa: B023
                for row, mean in enumerate(found):
                    means[version, row] = mean
        return means

    def _key(self, path: Path, version: int) -> str:
        content = content_key(path)
        return content if version == 0 else f"{content}-{version}-{self._lines}"

    def _compute(self, missing: Sequence[tuple[Path, int]]) -> Iterator[str]:
        """Encode, in batches of similar length; yields why recordings cannot be used."""
        starts = range(0, len(missing), _POOL)  # not all at once: sound waits in memory
        with ThreadPoolExecutor(_THREADS) as threads:
            for start in progress(starts, "Front end", len(starts)):
                pool = list(threads.map(self._sound, missing[start : start + _POOL]))
                yield from (sound for _, sound in pool if isinstance(sound, str))
                sounds = [(key, sound) for key, sound in pool if not isinstance(sound, str)]
                for batch in _batches(sorted(sounds, key=lambda one: len(one[1]))):
                    self._encode(batch)

    def _sound(self, wanted: tuple[Path, int]) -> tuple[str, NDArray[np.float32] | str]:
        path, version = wanted
        key = self._key(path, version)
        try:
            sound = trim(load_mono(path), self._model.config.features)[0][: LONGEST_S * SAMPLE_RATE]
        except StserError as error:
            return key, str(error)
        if version:
            seed = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
            sound = random_line(sound, np.random.default_rng(seed), self._pauses)
        return key, sound

    @torch.inference_mode()
    def _encode(self, batch: Sequence[tuple[str, NDArray[np.float32]]]) -> None:
        device = self._model.neutral_mean.device
        samples, lengths = pad([sound for _, sound in batch])
        frames, counts = self._model.encode_frames(samples.to(device), lengths.to(device))
        for (key, _), row, count in zip(batch, frames, counts.tolist(), strict=True):
            self._store.save(key, row[:count].half().cpu().numpy())


def _batches(sounds: Sequence[tuple[str, NDArray[np.float32]]]) -> Iterator[list[tuple[str, NDArray[np.float32]]]]:
    batch: list[tuple[str, NDArray[np.float32]]] = []
    for one in sounds:  # the shortest first: the last is the longest
        if batch and (len(batch) + 1) * len(one[1]) > _BATCH_SAMPLES:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def _weights_of(model: Stser) -> str:
    """A digest of the front end's weights."""
    assert model.front_end is not None
    digest = hashlib.blake2b(repr(model.config.front_end).encode(), digest_size=16)
    for value in model.front_end.state_dict().values():
        digest.update(value.detach().cpu().numpy().tobytes())
    return digest.hexdigest()
