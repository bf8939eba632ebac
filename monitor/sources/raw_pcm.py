"""Raw sound from a pipe as a source: what `ffmpeg -f s16le -` and `arecord` write."""

from __future__ import annotations

import re
from threading import Thread
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from monitor.flow import SAMPLE_RATE, AudioBlock
from monitor.queue import ClosableQueue
from stser_core.audio import Resampler
from stser_core.errors import AudioError, DeviceError, StserError, UsageError
from stser_core.wav import RIFF_BYTES, WavFormat, begins_wav, chunks, exactly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_BLOCK_S = 0.05
_SHORTEST_S = 0.02
_CAPACITY = 8
_BYTES = 2
_LARGEST_CHUNK = 1_000_000
_PCM, _EXTENSIBLE = 1, 0xFFFE
# Four bytes or more each, so that chance makes raw sound begin like one in a thousand million streams at most.
_SIGNATURES = {
    "FLAC": re.compile(rb"fLaC"),  # RFC 9639, section 6
    "Ogg": re.compile(rb"OggS"),  # RFC 3533, section 6
    "MP3": re.compile(rb"ID3[\x02-\x04]\x00"),  # ID3v2, section 3.1: its version and revision
    "MP4": re.compile(rb".{4}ftyp", re.DOTALL),  # ISO/IEC 14496-12, section 4.3
    "Matroska or WebM": re.compile(rb"\x1a\x45\xdf\xa3"),  # RFC 8794, section 8.1
}


class RawPcm:
    """16-bit little-endian samples, channels interleaved, read as fast as they are taken.

    It waits for its reader, and so makes whatever writes into the pipe wait: nothing is lost when `ffmpeg` decodes
    faster than the program listens. A WAV header at the start is passed over if it describes what was asked for.
    """

    live = False
    duration_s: float | None = None

    def __init__(self, stream: BinaryIO, *, rate: int = SAMPLE_RATE, channels: int = 1, name: str = "stdin") -> None:
        """Read from a stream; nothing is read yet.

        Args:
            stream: The pipe, such as `sys.stdin.buffer`.
            rate: Samples per second in the stream.
            channels: How many there are.
            name: As it appears in the timeline.

        Raises:
            UsageError: The rate or the number of channels cannot be.
            DeviceError: The stream is a terminal.
        """
        if not 1_000 <= rate <= 768_000:
            raise UsageError(f"The rate of the sound is {rate} Hz; it has to be within 1000 and 768000.")
        if not 1 <= channels <= 64:
            raise UsageError(f"The sound has {channels} channels; they have to be 1 to 64.")
        if stream.isatty():
            raise DeviceError(
                f"{name} is a terminal; let a program write 16-bit sound into it, such as arecord or ffmpeg -f s16le."
            )
        # Not the buffered reader: a read that waits keeps it locked, and Python crashes at its end on such a lock.
        self._stream: BinaryIO = getattr(stream, "raw", stream)
        self._rate = rate
        self._sample_bytes = channels * _BYTES
        self._chunks: ClosableQueue[bytes] = ClosableQueue(_CAPACITY)
        self._failure: StserError | None = None
        self._stopped = False
        self.name = name
        self.channels = channels

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the sound in blocks of at most 50 ms until the stream ends or `stop` is called.

        An incomplete sample at the end is no sound.

        Raises:
            AudioError: The stream cannot be read, holds no sound, or begins with the header of something else.
        """
        # A thread of its own, which may be left behind, since nothing can wake it while the pipe is silent.
        Thread(target=self._read, name=self.name, daemon=True).start()
        resampler = Resampler(self._rate, self.channels)
        position = 0
        for samples in self._pieces():
            block = AudioBlock(position, _limited(resampler.feed(samples)))
            position = block.end
            if block.samples.shape[1]:
                yield block
        if self._failure is not None:
            raise self._failure
        last = AudioBlock(position, _limited(resampler.flush()))
        if last.samples.shape[1]:
            yield last
        elif position == 0 and not self._stopped:
            raise AudioError(f"{self.name} ended before any sound came; look at what the program before the pipe says.")

    def stop(self) -> None:
        """End `blocks` after what has been read so far."""
        self._stopped = True
        self._chunks.close()

    def _pieces(self) -> Iterator[NDArray[np.float32]]:
        """What is read, float32 [channels, n], not shorter than 20 ms except at the end."""
        held = b""
        while (chunk := self._chunks.get()) is not None:
            held += chunk
            if len(held) >= _SHORTEST_S * self._rate * self._sample_bytes:
                whole = len(held) // self._sample_bytes * self._sample_bytes
                yield self._samples(held[:whole])
                held = held[whole:]
        yield self._samples(held[: len(held) // self._sample_bytes * self._sample_bytes])

    def _read(self) -> None:
        """Reader thread."""
        try:
            begun = _pass_wav_header(self._stream, self._rate, self.channels)
            if begun:
                self._chunks.put(begun)
            while chunk := self._stream.read(max(1, round(_BLOCK_S * self._rate)) * self._sample_bytes):
                if not self._chunks.put(chunk):
                    return
        except StserError as error:
            self._failure = error
        except (OSError, ValueError) as error:
            self._failure = AudioError(f"{self.name} cannot be read ({error}).")
        finally:
            self._chunks.close()

    def _samples(self, data: bytes) -> NDArray[np.float32]:
        """float32 [channels, n] of whole samples."""
        values = np.frombuffer(data, dtype="<i2").reshape(-1, self.channels)
        return np.ascontiguousarray(values.T, dtype=np.float32) / np.float32(32768.0)


def _limited(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without what a filter overshoots."""
    return np.clip(samples, -1.0, 1.0)


def _pass_wav_header(stream: BinaryIO, rate: int, channels: int) -> bytes:
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
        _refuse_compressed(start, rate, channels)
        return start
    for name, length in chunks(stream):
        if name == b"data":
            return b""
        if length > _LARGEST_CHUNK:
            break
        content = exactly(stream, length + length % 2)
        if name == b"fmt " and (told := WavFormat.read(content)):
            _check_wav(told, rate, channels)
    raise AudioError("The sound begins with a WAV header that is broken; write raw 16-bit samples (ffmpeg -f s16le).")


def _check_wav(told: WavFormat, rate: int, channels: int) -> None:
    if told.code not in (_PCM, _EXTENSIBLE) or told.bits != 16:
        raise AudioError("The sound begins with a WAV header that tells of no 16-bit samples; arecord needs -f S16_LE.")
    if (told.rate, told.channels) != (rate, channels):
        raise AudioError(
            f"The sound's WAV header tells of {told.rate} Hz and {told.channels} channels, but {rate} Hz and "
            f"{channels} were announced; add --rate {told.rate} --channels-in {told.channels}."
        )


def _refuse_compressed(start: bytes, rate: int, channels: int) -> None:
    """Refuse a stream that is no raw sound.

    Args:
        start: Its first 8 bytes or more; fewer where it ends.
        rate: Samples per second that were announced, for the message.
        channels: Channels that were announced, for the message.

    Raises:
        AudioError: It begins as a compressed file does.
    """
    for name, signature in _SIGNATURES.items():
        if signature.match(start):
            raise AudioError(
                f"Standard input is {name}, not raw PCM; decode it first "
                f"(ffmpeg -i - -f s16le -ar {rate} -ac {channels} -), or use replay."
            )
