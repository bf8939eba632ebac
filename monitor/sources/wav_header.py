"""The header that programs put before sound they write into a pipe as WAV, without being asked (`arecord`)."""

from __future__ import annotations

from typing import BinaryIO

from monitor.sources.compressed import refuse_compressed
from stser_core.errors import AudioError
from stser_core.wav import RIFF_BYTES, WavFormat, begins_wav, chunks, exactly

_LARGEST_CHUNK = 1_000_000
_PCM, _EXTENSIBLE = 1, 0xFFFE


def pass_wav_header(stream: BinaryIO, rate: int, channels: int) -> bytes:
    """Read to where the sound begins.

    The lengths of the whole and of its data mean nothing in a pipe and are not looked at.

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
    start = exactly(stream, RIFF_BYTES)
    if not begins_wav(start):
        refuse_compressed(start, rate, channels)
        return start
    for name, length in chunks(stream):
        if name == b"data":
            return b""
        if length > _LARGEST_CHUNK:
            break
        content = exactly(stream, length + length % 2)
        if name == b"fmt " and (told := WavFormat.read(content)):
            _check(told, rate, channels)
    raise AudioError("The sound begins with a WAV header that is broken; write raw 16-bit samples (ffmpeg -f s16le).")


def _check(told: WavFormat, rate: int, channels: int) -> None:
    if told.code not in (_PCM, _EXTENSIBLE) or told.bits != 16:
        raise AudioError("The sound begins with a WAV header that tells of no 16-bit samples; arecord needs -f S16_LE.")
    if (told.rate, told.channels) != (rate, channels):
        raise AudioError(
            f"The sound's WAV header tells of {told.rate} Hz and {told.channels} channels, but {rate} Hz and "
            f"{channels} were announced; add --rate {told.rate} --channels-in {told.channels}."
        )
