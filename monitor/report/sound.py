"""A recording as a page can play it: Opus in WebM, small, and seekable to the frame.

Chromium and Firefox play it; so does Safari from version 17, on telephones from 17.4.
"""

import io
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer

from stser_core.audio import Downmix, blocks
from stser_core.audio_file import TrackChoice
from stser_core.config import SAMPLE_RATE
from stser_core.errors import AudioError, reason

_BLOCK_SAMPLES = SAMPLE_RATE
_BITS_A_SECOND = {1: 16_000, 2: 24_000}
"""Speech of 8 or 16 kHz stays clear at these; an hour is 7 to 11 MB."""

_LAYOUTS: dict[int, Literal["mono", "stereo"]] = {1: "mono", 2: "stereo"}


@dataclass(frozen=True)
class Sound:
    """A recording's sound."""

    content: bytes  # a WebM file
    duration_s: float  # length of the recording in seconds


def encode(path: str | Path, track: TrackChoice = None) -> Sound:
    """Encode a recording, any file that `stser_core.audio` reads, or one track of it, for a page.

    It is decoded as for the analysis, so that a time on the timeline is the same time in the sound. Two channels
    stay two; more become one.

    Raises:
        AudioError: It is missing, cannot be decoded, or holds no sound.
    """
    file, downmix, samples = io.BytesIO(), Downmix(), 0
    sound = blocks(path, _BLOCK_SAMPLES, track=track)
    few_channels = (block if len(block) in _BITS_A_SECOND else downmix.mix(block) for block in sound)
    try:
        # Without the flag, the file would hold random numbers, and no two reports of a call would be the same.
        with av.open(file, "w", format="webm", options={"fflags": "+bitexact"}) as container:
            stream: AudioStream | None = None
            for block in few_channels:
                stream = stream or _stream(container, len(block))
                interleaved = np.ascontiguousarray(block.T).reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(interleaved, format="flt", layout=_LAYOUTS[len(block)])
                frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, samples, Fraction(1, SAMPLE_RATE)
                container.mux(stream.encode(frame))
                samples += block.shape[1]
            if stream is not None:
                container.mux(stream.encode(None))
    except av.FFmpegError as error:
        raise AudioError(f"{path} cannot be encoded for the report ({reason(error)}).") from error
    return Sound(file.getvalue(), samples / SAMPLE_RATE)


def _stream(container: OutputContainer, channels: int) -> AudioStream:
    options = {"application": "voip", "frame_duration": "60", "compression_level": "5"}
    stream = container.add_stream("libopus", rate=SAMPLE_RATE, layout=_LAYOUTS[channels], options=options)
    stream.bit_rate = _BITS_A_SECOND[channels]
    return stream
