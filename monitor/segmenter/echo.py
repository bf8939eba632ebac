"""Whether what is heard on a channel is the other party's voice, leaked through a headset or a line.

A channel's last quarter of a second is an echo of another channel if it correlates with what was said there up to
300 ms earlier, and is at least 12 dB quieter. Speech of one's own over an echo does not correlate, so it stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from monitor.segmenter.voice_activity import LOW_FRAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from monitor.segmenter.voice_activity import Frame

_WINDOW = 8 * LOW_FRAME
_LAGS = 10 * LOW_FRAME + LOW_FRAME // 2
_HISTORY = 1 + _WINDOW + _LAGS
_KEPT = 100 * LOW_FRAME
_CORRELATION = 0.4
_POWER_RATIO = 10**1.2


class EchoDetector:
    """Compares the channels of one stream, frame by frame, below 1 kHz, where voices have most of their power."""

    def __init__(self, channels: int) -> None:
        """Start with silence on all channels."""
        self._sound = np.zeros((channels, _HISTORY + _KEPT))
        self._end = _HISTORY

    def add(self, frames: Sequence[Frame]) -> None:
        """Take the next frame of every channel."""
        if self._end == self._sound.shape[1]:
            self._sound[:, :_HISTORY] = self._sound[:, -_HISTORY:]
            self._end = _HISTORY
        for channel, frame in enumerate(frames):
            self._sound[channel, self._end : self._end + len(frame.low)] = frame.low
            self._sound[channel, self._end + len(frame.low) : self._end + LOW_FRAME] = 0
        self._end += LOW_FRAME

    def is_echo(self, channel: int) -> bool:
        """Whether a channel's last frame, counted from 0, is an echo of another channel."""
        heard = np.diff(self._sound[channel, self._end - _WINDOW - 1 : self._end])  # differences whiten the spectrum
        power = float(heard @ heard)
        for other in range(len(self._sound)):
            if other == channel:
                continue
            said = np.diff(self._sound[other, self._end - _HISTORY : self._end])
            squares = said * said
            if float(squares.sum()) > _POWER_RATIO * power and self._correlates(heard, power, said, squares):
                return True
        return False

    @staticmethod
    def _correlates(
        heard: NDArray[np.float64], power: float, said: NDArray[np.float64], squares: NDArray[np.float64]
    ) -> bool:
        spectrum = np.fft.rfft(said) * np.fft.rfft(heard, len(said)).conj()
        products = np.fft.irfft(spectrum, len(said))[: _LAGS + 1]
        sums = np.concatenate(([0.0], np.cumsum(squares)))
        powers = (sums[_WINDOW:] - sums[:-_WINDOW])[: _LAGS + 1]
        loud = powers > _POWER_RATIO * power
        return bool((products[loud] ** 2 > _CORRELATION**2 * power * powers[loud]).any())
