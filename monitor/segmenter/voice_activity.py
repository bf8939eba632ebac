"""Speech or not, frame by frame: WebRTC's detector, corrected by a noise floor, and what is another channel's echo.

WebRTC's detector takes steady hum and tones for speech, and says "speech" to the first frames of anything. A
frame near the level that the channel never falls below is therefore silence, whatever the detector says. That level
is looked at twice: over all frequencies, and below about 900 Hz, where voices have most of their power and hiss has
little, so that a voice is found that stands out from a hiss there alone. Of what lies below 60 Hz only a trace
counts for either, so that hum hides no voice.

The other party's voice leaks through a headset or a line. A channel's last quarter of a second is an echo of another
channel if it correlates with what was said there up to 300 ms earlier, and is at least 12 dB quieter. The channel's own
speech over an echo does not correlate, so it stays.
"""

import math
from bisect import bisect_left, insort
from collections import deque
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from monitor.flow import SAMPLE_RATE
from monitor.samples import SILENCE_DBFS, as_int16, basis_below_60_hz
from monitor.segmenter.settings import FRAME, SegmenterSettings, frames

_WIDTH = 8
LOW_FRAME = FRAME // _WIDTH
"""Samples of the running mean that lets through what is below about 900 Hz (half the power at 890 Hz)."""

_MEAN = np.full(_WIDTH, 1 / _WIDTH)

_TRACE = 2.0
"""Of what lies below 60 Hz, so many times the power of the rest is left in the levels."""

_ABSOLUTE_FLOOR_DBFS = -65.0
"""A frame below this level is silence, whatever the detector says."""

_FLOOR_WINDOW_S = 5.0
"""Seconds over which the noise floor is tracked: a noise that sets in is noise after them at the latest."""

MOST_FRAMES = 32
"""Frames that an `EchoDetector` takes at once."""
_WINDOW = 8 * LOW_FRAME
_LAGS = 10 * LOW_FRAME + LOW_FRAME // 2
_HISTORY = _WINDOW + _LAGS
_CORRELATION = 0.4
_POWER_RATIO = 10**1.2


class Frame(NamedTuple):
    """A frame by itself, measured above 60 Hz."""

    samples: NDArray[np.float32]  # float32 [480] in −1…1, as they came; fewer only at the very end of a stream
    energy: float  # sum of squares
    level_dbfs: float
    low_dbfs: float  # level of what is low
    pcm: bytes  # 16-bit samples, 480 in any case


def framed(samples: NDArray[np.float32]) -> tuple[list[list[Frame]], NDArray[np.float64]]:
    """Split sound into frames, all channels at once.

    What lies below 60 Hz is never computed sample by sample: it is a fit by orthonormal functions, so its power, and
    what is low of it, follow from the few coefficients.

    Args:
        samples: float32 [channels, n × 480] in −1…1, or the fewer than 480 at the very end of a stream.

    Returns:
        Each channel's frames; and float64 [channels, n, 60]: what is low of them, at 2 kHz.
    """
    length = min(FRAME, samples.shape[1])
    pieces = samples.reshape(-1, length)
    wide = pieces.astype(np.float64)
    basis, low_basis = _bases(length)
    below = wide @ basis
    power = np.einsum("ij,ij->i", below, below)
    rest = np.maximum(np.einsum("ij,ij->i", wide, wide) - power, 0)
    # A trace of it is part of the noise; only what would hide a voice is taken away.
    trace = np.minimum(1, _TRACE * rest / np.maximum(power, 1e-9))
    energies = rest + trace * power
    low_length = length // _WIDTH
    means = (wide[:, : low_length * _WIDTH].reshape(-1, _WIDTH) @ _MEAN).reshape(len(pieces), low_length)
    means -= (below * (1 - np.sqrt(trace))[:, None]) @ low_basis.T
    low_energies = np.einsum("ij,ij->i", means, means)
    pcm = as_int16(pieces if length == FRAME else np.pad(pieces, ((0, 0), (0, FRAME - length)))).tobytes()
    # A copy of each channel, so that no utterance keeps the sound of all channels alive.
    own = [piece for channel in samples for piece in channel.copy().reshape(-1, length)]
    size = 2 * FRAME
    powers, silence = (energies / length, low_energies / max(1, low_length)), 10 ** (SILENCE_DBFS / 10)
    levels, low_levels = ((10 * np.log10(np.maximum(power, silence))).tolist() for power in powers)
    frames = [
        Frame(*values, pcm[place * size : (place + 1) * size])
        for place, values in enumerate(zip(own, energies.tolist(), levels, low_levels, strict=True))
    ]
    count = len(pieces) // len(samples)
    low = means.reshape(len(samples), count, low_length)
    return [frames[start : start + count] for start in range(0, len(frames), count)], low


@lru_cache(maxsize=8)
def _bases(length: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The functions that fit what lies below 60 Hz of so many samples, and what is low of them."""
    basis = basis_below_60_hz(length)
    low = length // _WIDTH
    return basis, basis[: low * _WIDTH].reshape(low, _WIDTH, basis.shape[1]).mean(axis=1)


class NoiseFloor:
    """The level that a channel seldom falls below, over the last `window` frames.

    One frame in twenty may be quieter. Continuous speech has far more of its frames in closures and between
    syllables, so it does not lift the floor to its own level. Frames under the absolute floor (digital silence,
    a muted line) say nothing about the noise and are not learnt from.
    """

    _QUIETER = 0.05

    def __init__(self, window: int) -> None:
        self._window = window
        self._levels: deque[float] = deque()
        self._by_level: list[float] = []
        self.dbfs = -math.inf

    def update(self, level_dbfs: float) -> None:
        """Take the next frame's level."""
        if len(self._levels) == self._window:
            del self._by_level[bisect_left(self._by_level, self._levels.popleft())]
        self._levels.append(level_dbfs)
        insort(self._by_level, level_dbfs)
        known = len(self._levels)
        # At least the second lowest: the one half-filled frame where a hum sets in must not hide the hum.
        self.dbfs = self._by_level[min(known - 1, max(1, int(self._QUIETER * known)))]


class VoiceActivity:
    """Decides for each frame of one channel whether someone speaks in it.

    In two steps, because the floor is learnt meanwhile: a recording that begins in the middle of a word shows its
    floor only some frames later, and its first frames deserve a second look then.
    """

    def __init__(self, settings: SegmenterSettings) -> None:
        self._detector = webrtcvad.Vad(settings.detection.mode)
        self._floor = NoiseFloor(frames(_FLOOR_WINDOW_S))
        self._low_floor = NoiseFloor(frames(_FLOOR_WINDOW_S))
        self._detection = settings.detection

    def is_voiced(self, frame: Frame) -> bool:
        """Take the channel's next frame: whether WebRTC's detector finds speech in it."""
        if frame.level_dbfs >= _ABSOLUTE_FLOOR_DBFS:
            self._floor.update(frame.level_dbfs)
            self._low_floor.update(frame.low_dbfs)
        voiced: bool = self._detector.is_speech(frame.pcm, SAMPLE_RATE, FRAME)
        return voiced and frame.level_dbfs >= _ABSOLUTE_FLOOR_DBFS

    def stands_out(self, frame: Frame) -> bool:
        """Whether a frame is louder than the noise floor as it is known now."""
        return (
            frame.level_dbfs - self._floor.dbfs >= self._detection.floor_margin_db
            or frame.low_dbfs - self._low_floor.dbfs >= self._detection.low_floor_margin_db
        )


class EchoDetector:
    """Compares the channels of one stream, frame by frame, below 1 kHz, where voices have most of their power."""

    def __init__(self, channels: int) -> None:
        self._sound = np.zeros((channels, _HISTORY + MOST_FRAMES * LOW_FRAME))
        self._found: list[tuple[int, int] | None] = [None] * channels

    def add(self, low: NDArray[np.float64]) -> None:
        """Take the next frames of every channel, at most `MOST_FRAMES`: [channels, frames, 60 or fewer] at 2 kHz."""
        channels, frames, length = low.shape
        if channels == 1:
            return
        size = frames * LOW_FRAME
        self._sound[:, :-size] = self._sound[:, size:]
        newest = np.zeros((channels, frames, LOW_FRAME))
        # Differences whiten the spectrum, so that two voices of one pitch do not correlate.
        newest[:, :, : max(0, length - 1)] = low[:, :, :-1] - low[:, :, 1:]
        self._sound[:, -size:] = newest.reshape(channels, size)

    def is_echo(self, channel: int, frames_after: int) -> bool:
        """Whether the frame of a channel, counted from 0, that so many others followed is another channel's echo."""
        if len(self._sound) == 1:
            return False
        end = self._sound.shape[1] - frames_after * LOW_FRAME
        past = self._sound[:, end - _HISTORY : end]
        received = past[channel, -_WINDOW:]
        power = float(received @ received)
        if (found := self._found[channel]) is not None:
            other, place = found  # the delay of an echo seldom changes
            said = past[other, place : place + _WINDOW]
            if _is_copy(float(received @ said), power, float(said @ said)):
                return True
        for other, said in enumerate(past):
            place = -1 if other == channel else _search(received, power, said)
            if place >= 0:
                self._found[channel] = (other, place)
                return True
        return False


def _search(received: NDArray[np.float64], power: float, said: NDArray[np.float64]) -> int:
    """The position in another channel's past at which the sound is found, or -1."""
    if float(said @ said) < _POWER_RATIO * power:
        return -1
    sums = np.concatenate(([0.0], np.cumsum(said * said)))
    powers = sums[_WINDOW:] - sums[:-_WINDOW]
    spectrum = np.fft.rfft(said) * np.fft.rfft(received, len(said)).conj()
    products = np.fft.irfft(spectrum, len(said))[: len(powers)]
    alike = np.where(powers > _POWER_RATIO * power, products**2 / np.maximum(powers, 1e-30), 0)
    place = int(alike.argmax())
    return place if _is_copy(float(products[place]), power, float(powers[place])) else -1


def _is_copy(product: float, power: float, source_power: float) -> bool:
    return source_power > _POWER_RATIO * power and product**2 > _CORRELATION**2 * power * source_power
