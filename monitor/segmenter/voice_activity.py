"""Speech or not, frame by frame: WebRTC's detector, kept honest by a noise floor.

WebRTC's detector takes steady hum and tones for speech, and says "speech" to the first frames of anything. A
frame near the level that the channel never falls below is therefore silence, whatever the detector says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import webrtcvad

from monitor.flow import SAMPLE_RATE
from monitor.loudness import loudness_dbfs
from monitor.pcm import as_int16
from monitor.segmenter.endpointing import FRAME, Endpointing, frames

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
        self._levels = np.zeros(window, dtype=np.float64)
        self._seen = 0
        self.dbfs = -np.inf

    def update(self, level_dbfs: float) -> None:
        """Take the next frame's level."""
        self._levels[self._seen % len(self._levels)] = level_dbfs
        self._seen += 1
        known = min(self._seen, len(self._levels))
        # At least the second lowest: the one half-filled frame where a hum sets in must not hide the hum.
        rank = min(known - 1, max(1, int(self._QUIETER * known)))
        self.dbfs = float(np.partition(self._levels[:known], rank)[rank])


class Heard(NamedTuple):
    """What is known of a frame by itself: WebRTC's verdict, and the level in dBFS."""

    voiced: bool
    level_dbfs: float


class VoiceActivity:
    """Decides for each frame of one channel whether someone speaks in it.

    In two steps, because the floor is learnt while listening: a recording that begins in the middle of a word
    shows its floor only some frames later, and its first frames deserve a second look then.
    """

    def __init__(self, endpointing: Endpointing) -> None:
        """Start with no knowledge of the channel."""
        self._detector = webrtcvad.Vad(endpointing.mode)
        self._floor = NoiseFloor(frames(endpointing.floor_window_s))
        self._absolute_floor = endpointing.absolute_floor_dbfs
        self._margin = endpointing.floor_margin_db

    def hear(self, frame: NDArray[np.float32]) -> Heard:
        """Take the channel's next frame.

        Args:
            frame: float32 [480] in −1…1; shorter only at the very end of a stream.
        """
        level = loudness_dbfs(frame)
        if level >= self._absolute_floor:
            self._floor.update(level)
        if frame.size < FRAME:
            frame = np.pad(frame, (0, FRAME - frame.size))
        return Heard(self._detector.is_speech(as_int16(frame).tobytes(), SAMPLE_RATE), level)

    def is_speech(self, heard: Heard) -> bool:
        """Judge a frame by the noise floor as it is known now."""
        threshold = max(self._absolute_floor, self._floor.dbfs + self._margin)
        return heard.voiced and heard.level_dbfs >= threshold
