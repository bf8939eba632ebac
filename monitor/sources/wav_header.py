"""The header that programs put before sound they write into a pipe as WAV, without being asked (`arecord`)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from monitor.sources.compressed import refuse_compressed
from stser_core.errors import AudioError

if TYPE_CHECKING:
    from collections.abc import Iterable

_RIFF_BYTES = 12
_CHUNK_BYTES = 8
_FORMAT_BYTES = 16
_LARGEST_CHUNK = 1_000_000
_PCM, _EXTENSIBLE = 1, 0xFFFE


def pass_wav_header(stream: BinaryIO, rate: int, channels: int) -> bytes:
    """Read to where the sound begins.

    Chunks as in Microsoft's "Multimedia Programming Interface and Data Specifications 1.0" (RIFF WAVE). The lengths
    of the whole and of its data mean nothing in a pipe and are not looked at.

    Args:
        stream: At its start; its `read` may return less than was asked for.
        rate: Samples per second that the header has to tell.
        channels: Channels that the header has to tell.

    Returns:
        The first bytes of the sound, where there is no header; else nothing.

    Raises:
        AudioError: The header tells of another rate, of other channels or of no 16-bit samples; or it is broken, or
            that of a compressed file.
    """
    start = _exactly(stream, _RIFF_BYTES)
    if not (start.startswith(b"RIFF") and start.endswith(b"WAVE")):
        refuse_compressed(start, rate, channels)
        return start
    for name, length in _chunks(stream):
        if name == b"data":
            return b""
        if length > _LARGEST_CHUNK:
            break
        content = _exactly(stream, length + length % 2)
        if name == b"fmt " and len(content) >= _FORMAT_BYTES:
            _check(content, rate, channels)
    raise AudioError("The sound begins with a WAV header that is broken; write raw 16-bit samples (ffmpeg -f s16le).")


def _check(content: bytes, rate: int, channels: int) -> None:
    code, told_channels, told_rate, _, _, bits = struct.unpack("<HHIIHH", content[:_FORMAT_BYTES])
    if code not in (_PCM, _EXTENSIBLE) or bits != 16:
        raise AudioError("The sound begins with a WAV header that tells of no 16-bit samples; arecord needs -f S16_LE.")
    if (told_rate, told_channels) != (rate, channels):
        raise AudioError(
            f"The sound's WAV header tells of {told_rate} Hz and {told_channels} channels, but {rate} Hz and "
            f"{channels} were announced; add --rate {told_rate} --channels-in {told_channels}."
        )


def _chunks(stream: BinaryIO) -> Iterable[tuple[bytes, int]]:
    while len(head := _exactly(stream, _CHUNK_BYTES)) == _CHUNK_BYTES:
        yield head[:4], int.from_bytes(head[4:], "little")


def _exactly(stream: BinaryIO, length: int) -> bytes:
    """So many bytes, or fewer where the stream ends."""
    data = b""
    while len(data) < length and (more := stream.read(length - len(data))):
        data += more
    return data
