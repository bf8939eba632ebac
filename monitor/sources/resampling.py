"""A stream at a device's own rate, brought to 16 kHz without a seam between its pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from monitor.flow import SAMPLE_RATE

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.resampler import AudioResampler
    from numpy.typing import NDArray


class Resampling:
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
            from av.audio.resampler import AudioResampler

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
        from av.audio.frame import AudioFrame

        frame = AudioFrame.from_ndarray(np.ascontiguousarray(channel)[None], format="flt", layout="mono")
        frame.sample_rate = self._rate
        return frame


def _joined(frames: list[AudioFrame]) -> NDArray[np.float32]:
    pieces = [np.asarray(frame.to_ndarray(), dtype=np.float32).reshape(-1) for frame in frames]
    return np.concatenate([np.empty(0, dtype=np.float32), *pieces])
