"""The header of a WAV: its chunks, and how long it says that the sound is.

Chunks as in Microsoft's "Multimedia Programming Interface and Data Specifications 1.0" (RIFF WAVE).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

RIFF_BYTES = 12
"""Number of bytes that `begins_wav` reads."""

_CHUNK_BYTES = 8
_FORMAT = struct.Struct("<HHIIHH")
_NO_LENGTH = 0x7FFF_F000
"""From here on, a length means that it is not known: SoX writes this into a pipe, arecord 2³¹, FFmpeg 2³² − 1."""


class WavFormat(NamedTuple):
    """Contents of the `fmt` chunk, whatever the codec."""

    code: int
    channels: int
    rate: int
    bytes_a_second: int
    block_bytes: int
    bits: int

    @classmethod
    def read(cls, content: bytes) -> WavFormat | None:
        """The format that a chunk's content says, or `None` where it is too short for one."""
        return cls(*_FORMAT.unpack_from(content)) if len(content) >= _FORMAT.size else None


def begins_wav(start: bytes) -> bool:
    """Whether these twelve bytes begin a WAV."""
    return start.startswith(b"RIFF") and start[8:RIFF_BYTES] == b"WAVE"


def chunks(stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Name and length of each chunk from here on; whoever asks for the next has read or passed over the last."""
    while len(head := exactly(stream, _CHUNK_BYTES)) == _CHUNK_BYTES:
        yield head[:4], int.from_bytes(head[4:], "little")


def exactly(stream: BinaryIO, length: int) -> bytes:
    """So many bytes, or fewer where the stream ends; its `read` may return less than was asked for."""
    data = b""
    while len(data) < length and (more := stream.read(length - len(data))):
        data += more
    return data


def length_of_cut_off(file: BinaryIO) -> float | None:
    """The length in seconds that a WAV announces where the file ends before its sound does.

    Args:
        file: At its start, and seekable.

    Returns:
        `None` where the sound is all there, or where the header does not say how long it was to be, as that of a
        recorder that was switched off.
    """
    if not begins_wav(exactly(file, RIFF_BYTES)):
        return None
    form: WavFormat | None = None
    for name, length in chunks(file):
        if name == b"data":
            start = file.tell()
            cut_off = start + length > file.seek(0, os.SEEK_END)
            return length / form.bytes_a_second if cut_off and form and _told(form, length) else None
        start = file.tell()
        if name == b"fmt ":
            form = WavFormat.read(exactly(file, min(length, _FORMAT.size)))
        file.seek(start + length + length % 2)
    return None


def _told(form: WavFormat, length: int) -> bool:
    return form.bytes_a_second > 0 and length < _NO_LENGTH
