"""Decoding: any file that PyAV's FFmpeg reads, to float32 at 16 kHz, channel by channel.

All formats go one way, `blocks`, which decodes as a stream, so that an hour of audio needs no more memory than
a second of it. Time is the container's clock: sound that starts later than the picture starts with silence, and a gap
between time stamps is silence.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from stser_core.audio_file import BARE_FRAMES, AudioFile, TrackChoice, as_array, audio_frames, name_of, open_audio
from stser_core.config import SAMPLE_RATE
from stser_core.errors import AudioError

_BLOCK_SAMPLES = 1_600
_PIECE_SAMPLES = 14_400  # 0.9 s of decoded sound, whatever a codec has in a frame: each piece costs time
_TOLERANCE_S = 0.1  # time stamps are rounded, and jitter: up to here, the count of samples is the better clock
_BACKWARDS_S = 1.0
_LONGEST_GAP_S = 3_600.0
_MOST_SILENCE_S = 6 * 3_600.0
_BEYOND = 1.5
_BEYOND_PROPORTION = 0.2  # so many samples of a piece are never beyond full scale by so much, unless it is not 1
_MOST_LAG_S = 30.0  # delay of one of several tracks from which it counts as silent


def blocks(
    file: AudioFile,
    block_samples: int = _BLOCK_SAMPLES,
    *,
    track: TrackChoice = None,
    notices: Callable[[str], None] = lambda sentence: None,
) -> Iterator[NDArray[np.float32]]:
    """Decode a file as a stream: float32 [channels, block_samples] in −1…1 at 16 kHz; the last block may be shorter.

    Damaged packets are silence; samples that are NaN or infinite are zeros. Of all tracks, each is mixed into one
    channel. `notices` is told, in a sentence, where the file's time stamps cannot be right.

    Raises:
        AudioError: The file is missing, is not audio, has no audio track, or holds no sample.
        UsageError: It does not have that track, or `file` is neither a path nor an open binary file.
    """
    held: list[NDArray[np.float32]] = []
    for piece in _pieces(file, track, notices):
        sound = np.concatenate([*held, piece], axis=1)
        whole = sound.shape[1] - sound.shape[1] % block_samples
        for start in range(0, whole, block_samples):
            yield sound[:, start : start + block_samples]
        held = [sound[:, whole:]]
    yield from (rest for rest in held if rest.shape[1])


def load(file: AudioFile, *, track: TrackChoice = None) -> NDArray[np.float32]:
    """Decode a whole file: float32 [channels, n] in −1…1 at 16 kHz. Raises what `blocks` raises."""
    return np.concatenate(list(blocks(file, track=track)), axis=1)


def load_mono(file: AudioFile, *, track: TrackChoice = None) -> NDArray[np.float32]:
    """Decode a whole file and mix its channels into one (see `Downmix`): float32 [n]. Raises what `blocks` raises."""
    downmix = Downmix()
    return np.concatenate([downmix.mix(block)[0] for block in blocks(file, track=track)])


class Downmix:
    """Averages a stream's channels; where they cancel each other out, as inverted ones do, takes the loudest alone."""

    def __init__(self) -> None:
        self._products: NDArray[np.float32] | None = None
        self._cancels = False

    def mix(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mix the next samples, float32 [channels, n], to float32 [1, n]."""
        if len(samples) == 1:
            return samples
        products = samples @ samples.T
        if self._products is not None:  # a memory of about a second
            products += self._products * np.float32(0.5 ** (samples.shape[1] / SAMPLE_RATE))
        self._products = products
        # For channels that have nothing in common the ratio is 1, for equal ones it is their number.
        ratio = float(products.sum()) / max(float(products.trace()), 1e-12)
        self._cancels = ratio < (0.6 if self._cancels else 0.2) and bool(products.any())
        if self._cancels:
            loudest = int(products.diagonal().argmax())
            return samples[loudest : loudest + 1]
        mean: NDArray[np.float32] = samples.mean(axis=0, keepdims=True, dtype=np.float32)
        return mean


class Resampler:
    """Resamples a stream piece by piece: what comes out, joined, does not depend on where the pieces were cut.

    The filter holds back a millisecond or two until the next piece; 16 kHz passes unchanged. Two channels share a
    resampler of FFmpeg, which has names for the layouts of a few numbers of channels only.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self._rate, self._channels = rate, channels
        self._pairs = range(0, channels if rate != SAMPLE_RATE else 0, 2)
        layouts = [_layout(channels - first) for first in self._pairs]
        self._resamplers = [AudioResampler(format="flt", layout=one, rate=SAMPLE_RATE) for one in layouts]

    def feed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Resample the next piece, float32 [channels, n], to float32 [channels, m]; at first, m may be 0."""
        if not self._resamplers or not samples.shape[1]:
            return samples
        frames = []
        for first in self._pairs:
            pair = samples[first : first + 2]
            packed = np.ascontiguousarray(pair.T).reshape(1, -1)
            frames.append(AudioFrame.from_ndarray(packed, format="flt", layout=_layout(len(pair))))
            frames[-1].sample_rate = self._rate
        return self._resampled(frames)

    def flush(self) -> NDArray[np.float32]:
        """The stream has ended: what was held back, float32 [channels, m]. Nothing can be fed any more."""
        return self._resampled([None for _ in self._pairs])

    def _resampled(self, frames: Sequence[AudioFrame | None]) -> NDArray[np.float32]:
        found = zip(*map(AudioResampler.resample, self._resamplers, frames), strict=True)
        pieces = [np.concatenate([as_array(one) for one in pairs]) for pairs in found]
        return np.concatenate([np.empty((self._channels, 0), dtype=np.float32), *pieces], axis=1)


def resampled(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """float32 [n] of any sample rate in Hz at 16 kHz."""
    resampler = Resampler(rate, 1)
    whole: NDArray[np.float32] = np.concatenate([resampler.feed(samples[None]), resampler.flush()], axis=1)[0]
    return np.clip(whole, -1.0, 1.0)


class _Decoder:
    """One track's samples at 16 kHz, placed on the container's clock.

    The clock is followed where it runs ahead of the samples: packets were not sent, or were lost. Steps that no
    recording makes (back by more than a second, ahead by more than an hour) are passed over, and `notice` is told
    where, and by how much, in seconds.
    """

    def __init__(self, stream: AudioStream, container: InputContainer, notice: Callable[[float, float], None]) -> None:
        self._channels = stream.channels
        self._time_base = float(stream.time_base or 0)
        # Of frames without a container, FFmpeg counts the time by the first one's rate.
        self._bare = container.format.name in BARE_FRAMES
        self._origin_s = None if container.start_time is None else container.start_time / av.time_base
        self._notice = notice
        self._resampler: AudioResampler | None = None
        self._format: tuple[int, str, str] | None = None
        self._end_s = self._silence_s = 0.0
        self._full_scale = 1.0
        self.position = 0  # samples so far

    def feed(self, frame: AudioFrame) -> Iterator[NDArray[np.float32]]:
        """Pieces that a frame makes, float32 [channels, n]."""
        form = (frame.sample_rate, frame.layout.name, frame.format.name)
        if self._bare and self._format is not None and form[0] != self._format[0]:
            self._time_base = 0.0
        ahead_s = self._ahead_s(frame)
        if self._resampler is None or form != self._format or ahead_s:
            yield from self.flush()
            self._end_s += ahead_s
            yield from self.silence_until(round(self._end_s * SAMPLE_RATE))
            self._format = form
            self._resampler = AudioResampler(format="flt", rate=SAMPLE_RATE, frame_size=_PIECE_SAMPLES)
        self._end_s += frame.samples / frame.sample_rate
        frame.pts = None  # the resampler would insert and drop sound by it
        yield from map(self._taken, self._resampler.resample(frame))

    def flush(self) -> Iterator[NDArray[np.float32]]:
        """The samples that the resampler holds back."""
        if self._resampler is not None:
            yield from map(self._taken, self._resampler.resample(None))
            self._resampler = None

    def silence_until(self, position: int) -> Iterator[NDArray[np.float32]]:
        """Silence up to this sample, in pieces of a second."""
        while (missing := position - self.position) > 0:
            silence = np.zeros((self._channels, min(missing, SAMPLE_RATE)), dtype=np.float32)
            self.position += silence.shape[1]
            yield silence
        self._end_s = max(self._end_s, position / SAMPLE_RATE)

    def _ahead_s(self, frame: AudioFrame) -> float:
        """By how much silence the container's clock is ahead of the samples; 0 for what is rounding."""
        if frame.pts is None or not self._time_base:
            return 0.0
        shown_s = frame.pts * self._time_base
        if self._origin_s is None:
            self._origin_s = shown_s
        ahead_s = shown_s - self._origin_s - self._end_s
        if -_BACKWARDS_S <= ahead_s <= _TOLERANCE_S:
            return 0.0
        if _TOLERANCE_S < ahead_s <= min(_LONGEST_GAP_S, _MOST_SILENCE_S - self._silence_s):
            self._silence_s += ahead_s
            return ahead_s
        self._origin_s += ahead_s
        self._notice(self._end_s, ahead_s)
        return 0.0

    def _taken(self, frame: AudioFrame) -> NDArray[np.float32]:
        samples: NDArray[np.float32] = as_array(frame) / np.float32(self._full_scale)
        if not np.isfinite(samples).all():
            samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
        if self._full_scale == 1 and samples.max(initial=0) > _BEYOND:
            sizes = np.abs(samples)
            if (sizes > _BEYOND).mean() > _BEYOND_PROPORTION:  # integers, stored as floats
                self._full_scale = 2.0**15 if np.median(sizes) <= 2**15 else 2.0**31
                samples = samples / np.float32(self._full_scale)
        if len(samples) != self._channels:
            samples = _with_channels(samples, self._channels)
        self.position += samples.shape[1]
        return np.clip(samples, -1.0, 1.0)


def _pieces(file: AudioFile, track: TrackChoice, notices: Callable[[str], None]) -> Iterator[NDArray[np.float32]]:
    """Decoded and resampled audio in pieces of whatever length the codec has."""
    name = name_of(file)
    told = False

    def notice(at_s: float, step_s: float) -> None:
        nonlocal told
        at = f"{int(at_s) // 60}:{int(at_s) % 60:02}"
        if not told:
            notices(f"{name} has time stamps that jump by {step_s:+.0f} s at {at}; from there, times are as decoded.")
        told = True

    with open_audio(file, track) as (container, streams, _):
        decoders = {stream.index: _Decoder(stream, container, notice) for stream in streams}
        frames = audio_frames(container, streams)
        if len(streams) == 1:
            (decoder,) = decoders.values()
            for _, frame in frames:
                yield from decoder.feed(frame)
            yield from decoder.flush()
        else:
            yield from _side_by_side(frames, decoders)
        if not any(decoder.position for decoder in decoders.values()):
            raise AudioError(f"{name} holds no sound: not one sample.")


def _side_by_side(
    frames: Iterator[tuple[int, AudioFrame]], decoders: dict[int, _Decoder]
) -> Iterator[NDArray[np.float32]]:
    """Tracks as channels: float32 [tracks, n]. One that is missing, or ends early, is silent there."""
    downmixes = {index: Downmix() for index in decoders}
    waiting = {index: np.empty((1, 0), np.float32) for index in decoders}

    def take(index: int, pieces: Iterator[NDArray[np.float32]]) -> None:
        waiting[index] = np.concatenate([waiting[index], *map(downmixes[index].mix, pieces)], axis=1)

    def ready(fewest: int) -> Iterator[NDArray[np.float32]]:
        """What all tracks have, where that is enough."""
        length = min(row.shape[1] for row in waiting.values())
        if length >= fewest:
            yield np.concatenate([row[:, :length] for row in waiting.values()])
            waiting.update({index: row[:, length:] for index, row in waiting.items()})

    def fill(behind_s: float) -> None:
        """Let no track be further behind the furthest one."""
        furthest = max(decoder.position for decoder in decoders.values())
        for index, decoder in decoders.items():
            take(index, decoder.silence_until(furthest - round(behind_s * SAMPLE_RATE)))

    for index, frame in frames:
        take(index, decoders[index].feed(frame))
        fill(_MOST_LAG_S)
        yield from ready(_BLOCK_SAMPLES)
    for index, decoder in decoders.items():
        take(index, decoder.flush())
    fill(0)
    yield from ready(1)


def _with_channels(samples: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """Sound whose number of channels has changed, with as many as before."""
    if channels == 1:
        return Downmix().mix(samples)
    if len(samples) == 1:
        return np.repeat(samples, channels, axis=0)
    kept = np.zeros((channels, samples.shape[1]), dtype=np.float32)
    kept[: len(samples)] = samples[:channels]
    return kept


def _layout(channels: int) -> Literal["mono", "stereo"]:
    return "mono" if channels == 1 else "stereo"
