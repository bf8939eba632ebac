"""Speech or not, frame by frame: WebRTC's detector, kept honest by a noise floor.

WebRTC's detector takes steady hum and tones for speech, and says "speech" to the first frames of anything. A
frame near the level that the channel never falls below is therefore silence, whatever the detector says. That level
is looked at twice: over all frequencies, and below about 900 Hz, where voices have most of their power and hiss has
little, so that a voice is found that stands out from a hiss there alone.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import webrtcvad

from monitor.flow import SAMPLE_RATE
from monitor.samples import as_int16, loudness_dbfs
from monitor.segmenter.settings import FRAME, SegmenterSettings, frames

if TYPE_CHECKING:
    from numpy.typing import NDArray


class NoiseFloor:
    """The level that a channel seldom falls below, over the last seconds.

    One frame in twenty may be quieter. Continuous speech has far more of its frames in closures and between
    syllables, so it does not lift the floor to its own level. Frames under the absolute floor (digital silence,
    a muted line) say nothing about the noise and are not learnt from.
    """

    _QUIETER = 0.05

    def __init__(self, window: int) -> None:
        """Track over `window` frames."""
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


_WIDTH = 8
"""Samples of the running mean that lets through what is below about 900 Hz (half the power at 890 Hz)."""
_MEAN = np.full(_WIDTH, 1 / _WIDTH, dtype=np.float32)


class Heard(NamedTuple):
    """What is known of a frame by itself: WebRTC's verdict, and the levels in dBFS, over all and of what is low."""

    voiced: bool
    level_dbfs: float
    low_dbfs: float


class VoiceActivity:
    """Decides for each frame of one channel whether someone speaks in it.

    In two steps, because the floor is learnt while listening: a recording that begins in the middle of a word
    shows its floor only some frames later, and its first frames deserve a second look then.
    """

    def __init__(self, endpointing: SegmenterSettings) -> None:
        """Start with no knowledge of the channel."""
        self._detector = webrtcvad.Vad(endpointing.mode)
        self._floor = NoiseFloor(frames(endpointing.floor_window_s))
        self._low_floor = NoiseFloor(frames(endpointing.floor_window_s))
        self._absolute_floor = endpointing.absolute_floor_dbfs
        self._margin = endpointing.floor_margin_db
        self._low_margin = endpointing.low_floor_margin_db

    def hear(self, frame: NDArray[np.float32]) -> Heard:
        """Take the channel's next frame.

        Args:
            frame: float32 [480] in −1…1; shorter only at the very end of a stream.
        """
        level, low = loudness_dbfs(frame), loudness_dbfs(_low(frame))
        if level >= self._absolute_floor:
            self._floor.update(level)
            self._low_floor.update(low)
        if frame.size < FRAME:
            frame = np.pad(frame, (0, FRAME - frame.size))
        return Heard(self._detector.is_speech(as_int16(frame).tobytes(), SAMPLE_RATE), level, low)

    def is_speech(self, heard: Heard) -> bool:
        """Judge a frame by the noise floor as it is known now."""
        if not heard.voiced or heard.level_dbfs < self._absolute_floor:
            return False
        above, low_above = heard.level_dbfs - self._floor.dbfs, heard.low_dbfs - self._low_floor.dbfs
        return above >= self._margin or low_above >= self._low_margin


def _low(frame: NDArray[np.float32]) -> NDArray[np.float32]:
    """What of a frame is low: the means of every eight samples (their rest, at a stream's end, is left out)."""
    low: NDArray[np.float32] = frame[: frame.size // _WIDTH * _WIDTH].reshape(-1, _WIDTH) @ _MEAN
    return low
