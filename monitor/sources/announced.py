"""The length that a recording's file announces, before it is decoded."""

import os
from collections.abc import Sequence
from typing import BinaryIO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from stser_core.audio_file import BARE_FRAMES

_NO_LENGTH = 0x7FFF_F000
"""From here on, a WAV's length means that it is not known: SoX writes this into a pipe, arecord 2³¹, FFmpeg 2³² − 1."""


def announced_length(
    container: InputContainer, streams: Sequence[AudioStream], file: BinaryIO
) -> tuple[float | None, bool]:
    """The length that a file states, in seconds, and whether it is only estimated, or the picture's.

    `None` where it does not say.
    """
    name = container.format.name
    lengths = [_own_length(stream, container.start_time) for stream in streams]
    if None in lengths or name in BARE_FRAMES:
        of_picture = len(container.streams) > len(streams)
        estimated = of_picture or (name in BARE_FRAMES and not (name == "mp3" and _counts_frames(file)))
        return (container.duration / av.time_base if container.duration else None), estimated
    duration = max(length for length in lengths if length is not None)
    if name == "wav" and file.seekable():  # of which FFmpeg tells no more than the file holds
        duration = max(duration, _length_of_cut_off(file))
    return duration or None, False


def _length_of_cut_off(file: BinaryIO) -> float:
    """The length in seconds that a WAV announces where the file ends before its sound does, else 0.

    Chunks as in Microsoft's "Multimedia Programming Interface and Data Specifications 1.0" (RIFF WAVE).
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head, bytes_a_second = file.read(12), 0
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return 0.0
    while len(head := file.read(8)) == 8:
        length, start = int.from_bytes(head[4:], "little"), file.tell()
        if head[:4] == b"data":
            cut_off = start + length > size and length < _NO_LENGTH
            return length / bytes_a_second if cut_off and bytes_a_second else 0.0
        if head[:4] == b"fmt ":
            bytes_a_second = int.from_bytes(file.read(12)[8:], "little")
        file.seek(start + length + length % 2)
    return 0.0


def _own_length(stream: AudioStream, container_start: int | None) -> float | None:
    """The end of a track on the container's clock, if the container states it for the track itself."""
    if stream.duration is not None and stream.time_base is not None:
        start_s = float((stream.start_time or 0) * stream.time_base) - (container_start or 0) / av.time_base
        return float(stream.duration * stream.time_base) + max(0.0, start_s)
    hours, _, rest = stream.metadata.get("DURATION", "").partition(":")  # Matroska's statistics
    minutes, _, seconds = rest.partition(":")
    try:
        return int(hours) * 3_600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None


def _counts_frames(file: BinaryIO) -> bool:
    """Whether an MP3's first frame says how many there are (Xing, Info or VBRI), so that its length is known."""
    if not file.seekable():
        return False
    file.seek(0)
    head = file.read(10)
    if head[:3] == b"ID3" and len(head) == 10:  # whose length is four groups of seven bits
        file.seek(10 + sum(byte << 7 * place for place, byte in enumerate(reversed(head[6:10]))))
        head = b""
    head += file.read(2_000)
    return any(mark in head for mark in (b"Xing", b"Info", b"VBRI"))
