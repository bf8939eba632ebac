"""Detects the other party's voice on a channel, leaked through a headset or a line.

A channel's last quarter of a second is an echo of another channel if it correlates with what was said there up to
300 ms earlier, and is at least 12 dB quieter. The channel's own speech over an echo does not correlate, so it stays.
"""

import numpy as np
from numpy.typing import NDArray

from monitor.segmenter.voice_activity import LOW_FRAME

MOST_FRAMES = 32
_WINDOW = 8 * LOW_FRAME
_LAGS = 10 * LOW_FRAME + LOW_FRAME // 2
_HISTORY = _WINDOW + _LAGS
_CORRELATION = 0.4
_POWER_RATIO = 10**1.2


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
