"""Raw sound from a pipe as a source: what `ffmpeg -f s16le -` and `arecord` write."""

from collections.abc import Callable, Iterator
from struct import Struct
from threading import Thread
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from monitor.counted import counted
from monitor.flow import SAMPLE_RATE, AudioBlock
from monitor.queue import ClosableQueue
from monitor.samples import from_pcm
from stser_core.audio import Resampler
from stser_core.audio_file import identify
from stser_core.errors import AudioError, DeviceError, StserError, UsageError

_BLOCK_S = 0.05
_SHORTEST_S = 0.02
_CAPACITY = 8
_BYTES = 2
_LARGEST_CHUNK = 1_000_000
_WAV_FORMAT = Struct("<HHI6xH")
"""Of a WAV's `fmt` chunk the codec, the channels, the rate, and the bits of a sample."""
_PCM, _EXTENSIBLE = 1, 0xFFFE
_START_BYTES = 8_192
"""Bytes that are examined before any of them is treated as PCM."""
_NOISE_LEVEL = 0.25
_NOISE_CORRELATION = 0.6
"""Sound as loud as this whose neighbouring samples correlate less is not speech (speech: 0.05 to 0.2, over 0.6)."""
_LISTENED_S = 10.0


class RawPcm:
    """16-bit little-endian samples, channels interleaved, read as fast as they are taken.

    It waits for its reader, and so makes whatever writes into the pipe wait: nothing is lost when `ffmpeg` decodes
    faster than the program listens. A WAV header at the start is passed over if it describes what was asked for.
    """

    name = "stdin"

    def __init__(
        self,
        stream: BinaryIO,
        *,
        rate: int = SAMPLE_RATE,
        channels: int = 1,
        notices: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """Read `rate` samples per second from a stream such as `sys.stdin.buffer`; nothing is read yet.

        `notices` is told, in a sentence, that it does not sound like 16-bit samples.

        Raises:
            UsageError: The rate or the number of channels cannot be.
            DeviceError: The stream is a terminal.
        """
        if not 1_000 <= rate <= 768_000:
            raise UsageError(f"The rate of the sound is {rate} Hz; it has to be between 1000 and 768000.")
        if not 1 <= channels <= 64:
            raise UsageError(f"The sound has {channels} channels; they have to be 1 to 64.")
        if stream.isatty():
            raise DeviceError(
                "stdin is a terminal; let a program write 16-bit sound into it, such as arecord or ffmpeg -f s16le."
            )
        # Not the buffered reader: a read that waits keeps it locked, and Python crashes at its end on such a lock.
        self._stream: BinaryIO = getattr(stream, "raw", stream)
        self._rate = rate
        self._sample_bytes = channels * _BYTES
        self._chunks: ClosableQueue[bytes] = ClosableQueue(_CAPACITY)
        self._notices = notices
        self._failure: StserError | None = None
        self._stopped = False
        self.channels = channels

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the sound in blocks of at most 50 ms until the stream ends or `stop` is called.

        An incomplete sample at the end is left out.

        Raises:
            AudioError: The stream cannot be read, holds no sound, or begins with the header of something else.
        """
        # A thread of its own, which may be left behind, since nothing can wake it while the pipe is silent.
        Thread(target=self._read, name=self.name, daemon=True).start()
        resampler = Resampler(self._rate, self.channels)
        position = 0
        for samples in self._watched(self._pieces()):
            block = AudioBlock(position, np.clip(resampler.feed(samples), -1.0, 1.0))
            position = block.end
            if block.samples.shape[1]:
                yield block
        if self._failure is not None:
            raise self._failure
        last = AudioBlock(position, np.clip(resampler.flush(), -1.0, 1.0))
        if last.samples.shape[1]:
            yield last
        elif position == 0 and not self._stopped:
            raise AudioError(f"{self.name} ended before any sound came; look at what the program before the pipe says.")

    def stop(self) -> None:
        """End `blocks` after what has been read so far."""
        self._stopped = True
        self._chunks.close()

    def _pieces(self) -> Iterator[NDArray[np.float32]]:
        """The sound, float32 [channels, n], not shorter than 20 ms except at the end."""
        held = b""
        while (chunk := self._chunks.get()) is not None:
            held += chunk
            if len(held) >= _SHORTEST_S * self._rate * self._sample_bytes:
                whole = len(held) // self._sample_bytes * self._sample_bytes
                yield from_pcm(held[:whole], self.channels)
                held = held[whole:]
        yield from_pcm(held[: len(held) // self._sample_bytes * self._sample_bytes], self.channels)

    def _watched(self, pieces: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """The same pieces; a second of loud noise among the first ten is told of, since other formats look like it."""
        listened, power, common, samples = 0, 0.0, 0.0, 0
        for piece in pieces:
            yield piece
            if listened >= _LISTENED_S * self._rate:
                continue
            listened += piece.shape[1]
            samples += piece.size
            power += float(np.square(piece).sum())
            common += float((piece[:, 1:] * piece[:, :-1]).sum())
            if samples < self._rate * self.channels:
                continue
            if power > _NOISE_LEVEL**2 * samples and common < _NOISE_CORRELATION * power:
                listened = round(_LISTENED_S * self._rate)
                self._notices(
                    f"{self.name} sounds like noise at full scale; it has to be 16-bit little-endian PCM of "
                    f"{self._rate} Hz and {counted(self.channels, 'channel')}."
                )
            power, common, samples = 0.0, 0.0, 0

    def _read(self) -> None:
        """Reader thread."""
        block_bytes = max(1, round(_BLOCK_S * self._rate)) * self._sample_bytes
        try:
            start = _start_of_sound(self._stream, self._rate, self.channels)
            for place in range(0, len(start), block_bytes):
                self._chunks.put(start[place : place + block_bytes])
            while chunk := self._stream.read(block_bytes):
                if not self._chunks.put(chunk):
                    return
        except StserError as error:
            self._failure = error
        except (OSError, ValueError) as error:
            self._failure = AudioError(f"{self.name} cannot be read ({error}).")
        finally:
            self._chunks.close()


def _start_of_sound(stream: BinaryIO, rate: int, channels: int) -> bytes:
    """Read to where the sound begins, behind a WAV header, or some way into it: then its first bytes.

    Raises:
        AudioError: The header is broken or does not describe 16-bit sound of that rate and those channels; or it is
            another format altogether.
    """
    start = _exactly(stream, 12)
    if start[:4] == b"RIFF" and start[8:] == b"WAVE":
        _pass_wav_header(stream, rate, channels)
        return b""
    start += _exactly(stream, _START_BYTES - len(start))
    found = identify(start)
    if found is not None:
        raise AudioError(
            f"Standard input is {found}, not raw PCM: give it to replay (… | stser-monitor replay -), or decode it "
            f"first (ffmpeg -i - -f s16le -ar {rate} -ac {channels} -)."
        )
    return start


def _pass_wav_header(stream: BinaryIO, rate: int, channels: int) -> None:
    """Read to the end of a header, and check it. The lengths of the whole and of its data mean nothing in a pipe."""
    while len(head := _exactly(stream, 8)) == 8:
        name, length = head[:4], int.from_bytes(head[4:], "little")
        if name == b"data":
            return
        if length > _LARGEST_CHUNK:
            break
        content = _exactly(stream, length + length % 2)
        if name != b"fmt " or len(content) < _WAV_FORMAT.size:
            continue
        code, told_channels, told_rate, bits = _WAV_FORMAT.unpack_from(content)
        if code not in (_PCM, _EXTENSIBLE) or bits != 16:
            raise AudioError(
                "The sound's WAV header does not describe 16-bit samples; give it to replay (… | stser-monitor replay "
                "-); arecord needs -f S16_LE."
            )
        if (told_rate, told_channels) != (rate, channels):
            raise AudioError(
                f"The sound's WAV header says {told_rate} Hz and {counted(told_channels, 'channel')}, but {rate} Hz "
                f"and {channels} were expected; give --device -:{told_rate}, and a name for each channel with "
                "--channels."
            )
    raise AudioError("The sound begins with a WAV header that is broken; write raw 16-bit samples (ffmpeg -f s16le).")


def _exactly(stream: BinaryIO, length: int) -> bytes:
    """So many bytes, or fewer where the stream ends; its `read` may return less than was asked for."""
    data = b""
    while len(data) < length and (more := stream.read(length - len(data))):
        data += more
    return data
