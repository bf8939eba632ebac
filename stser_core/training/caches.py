"""Decoded sound and encoded frames on disk, by the content that they follow from; several processes may share them."""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stser_core.audio import load_mono
from stser_core.config import SAMPLE_RATE
from stser_core.errors import DataError, StserError
from stser_core.features import trim
from stser_core.files import TEMPORARY_PREFIX, writing
from stser_core.model import Stser
from stser_core.torch_network import TorchNetwork
from stser_core.training.clip import Clip, content_key
from stser_core.training.output import progress
from stser_core.training.saving import quantise
from stser_core.training.telephone_lines import Sound, available_codecs, random_line, telephone_band
from stser_core.weights import SCALE

Band = Literal["wide", "telephone"]
BANDS: tuple[Band, ...] = ("wide", "telephone")
WIDE, TELEPHONE = BANDS
"""Versions of a recording: as recorded, and over a telephone line that is always the same."""

LONGEST_S = 30  # longer clips are cut: an utterance of a call is not longer
_THREADS = 2
_CHUNK = 64
_NAMED = 50


class ArrayStore:
    """A folder of arrays, one file each."""

    def __init__(self, folder: Path, kind: str, *settings: object) -> None:
        """Open the store of a kind of arrays that were made with these settings."""
        name = hashlib.blake2b(repr((kind, *settings)).encode(), digest_size=8).hexdigest()
        self.folder = folder / f"{kind}-{name}"

    def has(self, key: str) -> bool:
        """Whether the array of a key is kept."""
        return self._path(key).is_file()

    def load(self, key: str) -> NDArray[Any]:
        """The array of a key; raises `FileNotFoundError` where it is not kept."""
        array: NDArray[Any] = np.load(self._path(key), allow_pickle=False)
        return array

    def length(self, key: str) -> int:
        """Length of the first axis of a key's array."""
        return len(np.load(self._path(key), mmap_mode="r", allow_pickle=False))

    def save(self, key: str, array: NDArray[Any]) -> None:
        """Keep an array, in one step; raises `OutputError` where it cannot be written."""
        path = self._path(key)
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")
            try:
                with temporary.open("xb") as file:
                    np.save(file, array, allow_pickle=False)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.npy"


class SoundCache:
    """Waveforms by recording, trimmed as the recognizer trims them."""

    def __init__(self, clips: Iterable[Clip], folder: Path) -> None:
        """Decode the recordings of clips, unless they are kept; raises `DataError` for those that cannot be."""
        self._store = ArrayStore(folder, "sound")
        paths = sorted({clip.path for clip in clips if clip.path is not None})
        missing = [path for path in paths if not self._store.has(content_key(path))]
        with ThreadPoolExecutor(_THREADS) as pool:
            found = progress(pool.map(self._decode, missing), "Decoding", len(missing))
            _refuse([failure for failure in found if failure is not None])
        self._lengths = {path: self._store.length(content_key(path)) for path in paths}

    def samples(self, clip: Clip) -> Sound:
        """A clip's waveform: float32 [n] in −1…1, 16 kHz."""
        assert clip.path is not None
        return self._store.load(content_key(clip.path))

    def length(self, clip: Clip) -> int:
        """Samples in a clip's waveform; 0 for a clip without a recording."""
        return self._lengths[clip.path] if clip.path is not None else 0

    def _decode(self, path: Path) -> str | None:
        try:
            self._store.save(content_key(path), trim(load_mono(path))[0])
        except StserError as error:
            return str(error)
        return None


class FrameCache:
    """Frames of recordings: the frozen front end's, or log-mel spectrograms without one.

    Each is kept in the versions that were asked for: `WIDE`, `TELEPHONE`, and, over random lines, line1, line2, ….
    """

    def __init__(self, model: Stser, folder: Path, pauses: Sequence[Sound] = ()) -> None:
        """Open the cache of a model's front end; `pauses` are noise of real calls for random telephone lines."""
        self.size = model.config.frame_size
        self._model, self._pauses = model, tuple(pauses)
        self._store = ArrayStore(folder, "frames", model.config.features, LONGEST_S, _weights_of(model))
        noises = hashlib.blake2b(repr(available_codecs()).encode(), digest_size=8)
        for pause in self._pauses:
            noises.update(pause.tobytes())
        self._noises = noises.hexdigest()

    def prepare(self, clips: Iterable[Clip], versions: Sequence[str] = (WIDE,)) -> None:
        """Encode what is not kept yet; raises `DataError` for recordings that cannot be decoded."""
        paths = sorted({clip.path for clip in clips if clip.path is not None})
        wanted = [(path, version) for path in paths for version in versions]
        missing = [one for one in wanted if not self._store.has(self._key(*one))]
        if not missing:
            return
        network, failures = TorchNetwork(self._model, next(self._model.parameters()).device.type), []
        starts = range(0, len(missing), _CHUNK)  # not all at once: sound waits in memory
        with ThreadPoolExecutor(_THREADS) as threads:
            for start in progress(starts, "Front end", len(starts)):
                chunk = missing[start : start + _CHUNK]
                found = dict(zip(chunk, threads.map(self._sound, *zip(*chunk, strict=True)), strict=True))
                failures += [sound for sound in found.values() if isinstance(sound, str)]
                sounds = {one: sound for one, sound in found.items() if not isinstance(sound, str)}
                for one, frames in zip(sounds, network.encode_frames(list(sounds.values())), strict=True):
                    self._store.save(self._key(*one), frames.astype(np.float16))
        _refuse(failures)

    def frames(self, clip: Clip, version: str = WIDE) -> NDArray[np.float16]:
        """A clip's frames: float16 [n, size]."""
        assert clip.path is not None
        try:
            return self._store.load(self._key(clip.path, version))
        except FileNotFoundError:
            self.prepare([clip], (version,))
            return self._store.load(self._key(clip.path, version))

    def length(self, clip: Clip) -> int:
        """Number of a clip's frames as recorded; 0 for a clip without a recording."""
        return self._store.length(self._key(clip.path, WIDE)) if clip.path is not None else 0

    def statistics(self, clips: Sequence[Clip], versions: Sequence[str]) -> NDArray[np.float32]:
        """Mean and deviation over time of the frames of clips with recordings: float32 [2, versions, clips, size]."""
        wanted = [(clip, version) for version in versions for clip in clips]
        with ThreadPoolExecutor(_THREADS) as pool:
            every = pool.map(lambda one: self.frames(*one).astype(np.float32), wanted)
            found = np.array([(frames.mean(0), frames.std(0)) for frames in every], dtype=np.float32)
            return found.reshape(len(versions), len(clips), 2, self.size).transpose(2, 0, 1, 3)

    def _key(self, path: Path, version: str) -> str:
        content = content_key(path)
        if version == WIDE:
            return content
        return f"{content}-{version}" if version == TELEPHONE else f"{content}-{version}-{self._noises}"

    def _sound(self, path: Path, version: str) -> Sound | str:
        """A version of a recording, or why there is none."""
        try:
            sound = load_mono(path)
        except StserError as error:
            return str(error)
        if version == TELEPHONE:
            sound = telephone_band(sound)
        sound = trim(sound)[0][: LONGEST_S * SAMPLE_RATE]
        if version in BANDS:
            return sound
        seed = hashlib.blake2b(self._key(path, version).encode(), digest_size=8).digest()
        return random_line(sound, np.random.default_rng(int.from_bytes(seed, "big")), self._pauses)


def _refuse(failures: Sequence[str]) -> None:
    """Stop where recordings cannot be used, and name each; they are as many as messages."""
    if failures:
        named = "; ".join(failure.rstrip(".") for failure in failures[:_NAMED])
        more = f"; and {len(failures) - _NAMED:,} more" if len(failures) > _NAMED else ""
        raise DataError(f"{len(failures):,} of the recordings cannot be used ({named}{more}); replace or remove them.")


def _weights_of(model: Stser) -> str:
    """A digest of the front end's weights as a checkpoint stores them; their scales change by a rounding error."""
    if model.front_end is None:
        return ""
    digest = hashlib.blake2b(repr(model.config.front_end).encode(), digest_size=16)
    for name, value in quantise(model.front_end.state_dict()).items():
        if not name.endswith(SCALE):
            digest.update(value.numpy().tobytes())
    return digest.hexdigest()
