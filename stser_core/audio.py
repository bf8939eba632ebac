"""Decoding: any file that PyAV's FFmpeg reads, to float32 at 16 kHz, channel by channel.

All formats go one way, `blocks`, which decodes as a stream, so that an hour of audio needs no more memory than
a second of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from stser_core import config
from stser_core.errors import AudioError
from stser_core.wav import length_of_cut_off

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from numpy.typing import NDArray

SAMPLE_RATE = config.SAMPLE_RATE
"""Samples per second of all audio inside the program."""

_BLOCK_SAMPLES = 1_600


@dataclass(frozen=True)
class AudioInfo:
    """What a file says of itself before it is decoded.

    Attributes:
        channels: Number of channels.
        sample_rate: The file's own rate in Hz.
        duration_s: Length in seconds, or `None` where the container does not say.
        codec: FFmpeg's name of the codec, such as `pcm_mulaw`.
    """

    channels: int
    sample_rate: int
    duration_s: float | None
    codec: str


def probe(path: str | Path) -> AudioInfo:
    """Read a file's header.

    Raises:
        AudioError: The file is missing, is not audio, or has no audio stream.
    """
    path = Path(path)
    with _opened(path) as (container, stream):
        duration = _duration_s(container, stream)
        if container.format.name == "wav":  # of which FFmpeg tells no more than the file holds
            with path.open("rb") as file:
                duration = max(duration or 0.0, length_of_cut_off(file) or 0.0) or None
        return AudioInfo(stream.channels, stream.sample_rate, duration, stream.codec_context.name)


def blocks(path: str | Path, block_samples: int = _BLOCK_SAMPLES) -> Iterator[NDArray[np.float32]]:
    """Decode a file as a stream.

    Damaged packets are passed over, as players do; samples that are no numbers become silence.

    Args:
        path: Any file with an audio stream; of several, the first is taken.
        block_samples: Samples per channel in every block but the last.

    Yields:
        float32 [channels, block_samples] in −1…1 at 16 kHz; the last block may be shorter.

    Raises:
        AudioError: The file is missing, is not audio, has no audio stream, or holds no sample.
    """
    pending: list[NDArray[np.float32]] = []
    held = 0
    anything = False
    for piece in _pieces(Path(path)):
        anything = True
        pending.append(piece)
        held += piece.shape[1]
        if held < block_samples:
            continue
        joined = np.concatenate(pending, axis=1)
        whole = held - held % block_samples
        for start in range(0, whole, block_samples):
            yield joined[:, start : start + block_samples]
        pending = [joined[:, whole:]]
        held -= whole
    if not anything:
        raise AudioError(f"{path} holds no sound: its audio stream has not one sample.")
    if held:
        yield np.concatenate(pending, axis=1)


def load(path: str | Path) -> NDArray[np.float32]:
    """Decode a whole file.

    Returns:
        float32 [channels, n] in −1…1 at 16 kHz.

    Raises:
        AudioError: See `blocks`.
    """
    return np.concatenate(list(blocks(path)), axis=1)


def load_mono(path: str | Path) -> NDArray[np.float32]:
    """Decode a whole file and average its channels.

    Returns:
        float32 [n] in −1…1 at 16 kHz.

    Raises:
        AudioError: See `blocks`.
    """
    mono: NDArray[np.float32] = load(path).mean(axis=0, dtype=np.float32)
    return mono


class Resampler:
    """Resamples a stream piece by piece: what comes out, joined, does not depend on where the pieces were cut.

    The filter holds back a millisecond or two until the next piece. Each channel has a resampler of its own, since
    FFmpeg has names for the layouts of a few numbers of channels only.
    """

    def __init__(self, rate: int, channels: int) -> None:
        """Resample from so many samples a second; 16 kHz passes unchanged."""
        self._rate = rate
        self._channels = channels
        self._fed = False
        self._resamplers: list[AudioResampler] = []
        if rate != SAMPLE_RATE:
            self._resamplers = [AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE) for _ in range(channels)]

    def feed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Resample the next piece.

        Args:
            samples: float32 [channels, n] at the stream's own rate.

        Returns:
            float32 [channels, m] at 16 kHz; at first and for short pieces, m may be 0.
        """
        if not self._resamplers or not samples.shape[1]:
            return samples
        self._fed = True
        pairs = zip(self._resamplers, samples, strict=True)
        return np.stack([_joined(resampler.resample(self._frame(channel))) for resampler, channel in pairs])

    def flush(self) -> NDArray[np.float32]:
        """The stream has ended: what was held back. Nothing can be fed any more.

        Returns:
            float32 [channels, m] at 16 kHz.
        """
        if not self._fed:
            return np.empty((self._channels, 0), dtype=np.float32)
        return np.stack([_joined(resampler.resample(None)) for resampler in self._resamplers])

    def _frame(self, channel: NDArray[np.float32]) -> AudioFrame:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(channel)[None], format="flt", layout="mono")
        frame.sample_rate = self._rate
        return frame


def _duration_s(container: InputContainer, stream: AudioStream) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, AudioStream]]:
    try:
        with path.open("rb") as file, av.open(file, mode="r", metadata_errors="replace") as container:
            if not container.streams.audio:
                raise AudioError(f"{path} has no audio stream.")
            stream = container.streams.audio[0]
            if stream.codec_context is None:  # PyAV gives none where no decoder answers to the codec's number
                raise AudioError(f"{path} has an audio stream of a kind that nothing here can decode.")
            if stream.channels < 1 or stream.sample_rate < 1:
                raise AudioError(f"{path} does not say how many channels or which sample rate its audio has.")
            yield container, stream
    except FileNotFoundError as error:
        raise AudioError(f"{path} does not exist.") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise AudioError(f"{path} cannot be read as audio ({_reason(error)}).") from error


def _pieces(path: Path) -> Iterator[NDArray[np.float32]]:
    """Decoded and resampled audio in pieces of whatever length the codec has."""
    with _opened(path) as (container, stream):
        resampler: AudioResampler | None = None
        for frame in _frames(container, stream):
            frame.pts = None  # broken time stamps must not make the resampler invent or drop sound
            resampler = resampler or AudioResampler(format="flt", rate=SAMPLE_RATE)
            yield from map(_samples, resampler.resample(frame))
        if resampler is not None:
            yield from map(_samples, resampler.resample(None))


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            continue
        for frame in frames:
            if isinstance(frame, AudioFrame) and frame.samples:
                yield frame


def _samples(frame: AudioFrame) -> NDArray[np.float32]:
    # Packed, not planar: PyAV 18 crashes on planar frames of eight channels.
    samples = np.asarray(frame.to_ndarray(), dtype=np.float32).reshape(-1, frame.layout.nb_channels).T
    if not np.isfinite(samples).all():
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(samples, -1.0, 1.0)


def _joined(frames: list[AudioFrame]) -> NDArray[np.float32]:
    pieces = [np.asarray(frame.to_ndarray(), dtype=np.float32).reshape(-1) for frame in frames]
    return np.concatenate([np.empty(0, dtype=np.float32), *pieces])


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text.rstrip(".")
