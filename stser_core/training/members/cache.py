"""Encodings kept on disk, so that an encoder hears every clip once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from stser_core.audio import SAMPLE_RATE
from stser_core.encoding import Encoding
from stser_core.errors import DataError, OutputError
from stser_core.training.augmentation import Augmentation, change_sound
from stser_core.training.members.encoders import WORKERS
from stser_core.training.progress import progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stser_core.training.clip import Clip
    from stser_core.training.members.encoders import Encoder, SequenceEncoder
    from stser_core.training.sound_cache import SoundCache

_Array = TypeVar("_Array", bound="NDArray[Any]")
Encoder_co = TypeVar("Encoder_co", bound="Encoder", covariant=True)

CHANGES = Augmentation(speed=0.5, gain=0.5, noise=0.5, telephone=0.4, reverberation=0.2)
"""What happens to the sound of a changed copy."""


@dataclass(frozen=True)
class Versions:
    """In how many versions each clip is heard.

    Attributes:
        copies: Changed copies beside the clip as it is.
        changes: What may happen to a copy's sound.
        longest_margin_s: A copy has silence of up to this length before and after it, since an utterance that a
            program cuts out of a stream has.
    """

    copies: int = 0
    changes: Augmentation = CHANGES
    longest_margin_s: float = 0.5

    def of(self, clip: Clip, sound: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """A clip's sound and its changed copies; these are the same whenever they are made."""
        return [sound, *(self._changed(sound, _dice(clip, copy)) for copy in range(self.copies))]

    def _changed(self, sound: NDArray[np.float32], dice: np.random.Generator) -> NDArray[np.float32]:
        before, after = (round(dice.uniform(0, self.longest_margin_s) * SAMPLE_RATE) for _ in range(2))
        return change_sound(np.pad(sound, (before, after)), self.changes, dice)


AS_IT_IS = Versions()


class EncodingCache(Generic[Encoder_co]):
    """Encodings of clips by one encoder: one small file for each sound, so that what is interrupted goes on."""

    def __init__(self, encoder: Encoder_co, cache: Path) -> None:
        """Find the place.

        Args:
            encoder: Makes what is not there.
            cache: Encodings are kept in its folder `encodings`.
        """
        self.encoder = encoder
        self._folder = cache / "encodings" / hashlib.sha256(encoder.key.encode()).hexdigest()[:16]

    def of(self, clips: Sequence[Clip], sounds: SoundCache, versions: Versions = AS_IT_IS) -> NDArray[np.float32]:
        """Encode clips, or read what was encoded before.

        Args:
            clips: Each with sound.
            sounds: Has it.
            versions: As they are, and changed.

        Returns:
            float32 [1 + copies, clips, size], the clips as they are first.

        Raises:
            DataError: A clip has no sound.
            OutputError: The cache cannot be written.
        """
        return np.stack(self._each(clips, lambda clip: self._versions(clip, sounds, versions)), axis=1)

    def frames(
        self: EncodingCache[SequenceEncoder], clips: Sequence[Clip], sounds: SoundCache
    ) -> list[NDArray[np.float16]]:
        """Encode clips as they are, without pooling over time; or read what was encoded before.

        Args:
            clips: Each with sound.
            sounds: Has it.

        Returns:
            float16 [frames, width] for each clip: with Whisper base 50 kB for every second of its sound.

        Raises:
            DataError: A clip has no sound.
            OutputError: The cache cannot be written.
        """

        def kept(clip: Clip) -> NDArray[np.float16]:
            samples = sounds.samples(clip)
            make = self.encoder.frames
            return _kept(self._path(samples, ".frames.npy"), lambda: make(samples).astype(np.float16))

        return self._each(clips, kept)

    def _each(self, clips: Sequence[Clip], encode: Callable[[Clip], _Array]) -> list[_Array]:
        silent = [clip.id for clip in clips if clip.path is None]
        if silent or not clips:
            raise DataError(f"{len(silent):,} of {len(clips):,} clips have no sound that could be encoded.")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with ThreadPoolExecutor(WORKERS) as pool:
                return list(progress(pool.map(encode, clips), "Encoding", len(clips)))
        except OSError as error:
            raise OutputError(f"The encodings in {self._folder} cannot be kept ({error.strerror}).") from error

    def encoding(self, samples: NDArray[np.float32]) -> Encoding:
        """One utterance's encoding, kept as the clips' are: float32 [n] in −1…1, 16 kHz, without silence around it."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            return Encoding(self.encoder.name, self._kept(samples))
        except OSError as error:
            raise OutputError(f"The encodings in {self._folder} cannot be kept ({error.strerror}).") from error

    def _versions(self, clip: Clip, sounds: SoundCache, versions: Versions) -> NDArray[np.float32]:
        return np.stack([self._kept(one) for one in versions.of(clip, sounds.samples(clip))])

    def _kept(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        return _kept(self._path(samples, ".npy"), lambda: self.encoder.vector(samples))

    def _path(self, samples: NDArray[np.float32], suffix: str) -> Path:
        # Keyed by the sound itself: a recording that was replaced, or is changed otherwise, gets another encoding.
        return self._folder / f"{hashlib.blake2b(samples.tobytes(), digest_size=12).hexdigest()}{suffix}"


def _kept(path: Path, make: Callable[[], _Array]) -> _Array:
    """What is in a file, or else what is made now and kept there."""
    if path.is_file():
        kept: _Array = np.load(path, allow_pickle=False)
        return kept
    made = make()
    partial = path.with_suffix(f".{os.getpid()}-{get_ident()}.partial")
    with partial.open("wb") as file:
        np.save(file, made, allow_pickle=False)
    partial.rename(path)
    return made


def _dice(clip: Clip, copy: int) -> np.random.Generator:
    """A copy of a clip is changed alike whenever it is made."""
    return np.random.default_rng([copy, int(hashlib.sha256(clip.id.encode()).hexdigest()[:12], 16)])
