"""A recording as a source, decoded while it is listened to; its length; and what makes one channel of several."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import BinaryIO

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from monitor.flow import AudioBlock
from stser_core import audio
from stser_core.audio import Downmix
from stser_core.audio_file import BARE_FRAMES, AudioFile, TrackChoice, as_array, audio_frames, open_audio
from stser_core.errors import AudioError, reason

STDIN = "-"
_SAME_RESIDUAL = 2e-2
_SAME_RESIDUAL_ANYWHERE = 0.1
"""−17 dB over a recording and −10 dB in each second with sound, as lossy codecs leave of one signal on two channels; of
two parties, one speaks alone at times, and little of it is on the other channel."""
_SAME_GAIN = 0.1
_QUIET = 0.01
_WINDOW = 16_000
"""Samples."""
_PIECE_BYTES = 1 << 20
_KEPT_FREE_BYTES = 256 << 20
_LOSSLESS = ("pcm_", "flac", "alac")
_BLOCK_SAMPLES = 14_400
"""Thirty frames of the segmenter: a call for each 100 ms takes it twice the time."""
_PATIENCE_S = 5.0
# Lengths of compressed files are often estimates; smaller differences mean nothing.
_TOLERATED_LOSS_S = 1.0
_TOLERATED_LOSS = 0.02
_TOLERATED_LOSS_OF_EXACT_S = 0.1
"""Some recorders count a header's bytes as sound."""
_NO_LENGTH = 0x7FFF_F000
"""From here on, a WAV's length means that it is not known: SoX writes this into a pipe, arecord 2³¹, FFmpeg 2³² − 1."""


class Recording:
    """A file of any format that can be decoded, at 16 kHz.

    Attributes:
        announced_s: The length that the file promises, in seconds; `None` where it says none, or only an estimate.
        exact: Whether that is a number of samples.
        notices: What the user should know of the file, in sentences; may grow while it is decoded.
    """

    def __init__(self, file: AudioFile, *, track: TrackChoice = None, name: str | None = None) -> None:
        """Look at a file, given by its path or open and seekable, without decoding it.

        Without a name for the timeline, it has the file's own. See `stser_core.audio` for its tracks.

        Raises:
            AudioError: The file is missing or is not audio, or is a pipe, which cannot be read twice.
            UsageError: It does not have that track.
        """
        if isinstance(file, str | Path) and _is_pipe(Path(file)):
            raise AudioError(f"{file} is a pipe or a device and not a file; replay can read it.")
        self._file = file
        self._track = track
        self._stopped = Event()
        self.name = name or (Path(file).name if isinstance(file, str | Path) else "stdin")
        with open_audio(file, track) as (container, streams, opened):
            self.channels = streams[0].channels if len(streams) == 1 else len(streams)
            self.duration_s, estimated = _announced_length(container, streams, opened)
            self.announced_s = None if estimated else self.duration_s
            self.exact = streams[0].codec_context.name.startswith(_LOSSLESS)
            self.notices = _of_tracks(self.name, container.streams.audio, track, streams[0])

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the recording in blocks of 900 ms, the last one shorter.

        Raises:
            AudioError: The file cannot be decoded, or not to its end.
        """
        position = 0
        for samples in audio.blocks(self._file, _BLOCK_SAMPLES, track=self._track, notices=self.notices.append):
            block = AudioBlock(position, samples)
            position = block.end
            if self._stopped.is_set():
                return
            yield block

    def stop(self) -> None:
        """End `blocks` before its next block."""
        self._stopped.set()


def _announced_length(
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


def ends_early(announced_s: float, decoded_s: float, *, exact: bool = False) -> bool:
    """Whether a file holds less than it announces, a number of samples (`exact`), or what may be rounded or estimated.

    If so, it was cut off, perhaps while it was copied.
    """
    tolerated_s = _TOLERATED_LOSS_OF_EXACT_S if exact else max(_TOLERATED_LOSS_S, _TOLERATED_LOSS * announced_s)
    return announced_s - decoded_s > tolerated_s


def length_s(announced_s: float | None, decoded_s: float) -> float:
    """The length for the metrics: a part that could not be decoded is not silence.

    Args:
        announced_s: What the file says, in seconds, or `None` where it says nothing or only estimates.
        decoded_s: The part that could be decoded, in seconds.
    """
    return decoded_s if not announced_s or ends_early(announced_s, decoded_s) else max(announced_s, decoded_s)


def mono(blocks: Iterable[AudioBlock]) -> Iterator[AudioBlock]:
    """The channels of a stream as one (see `stser_core.audio.Downmix`)."""
    downmix = Downmix()
    for block in blocks:
        yield replace(block, samples=downmix.mix(block.samples))


def channels_same(file: AudioFile, track: TrackChoice = None) -> bool:
    """Whether all channels carry one signal: a mono recording that was stored as stereo.

    They do where each is the first one but for a gain and for what a lossy codec leaves. Decodes until they differ: in
    a call of two parties, for the first second of sound.

    Raises:
        AudioError: The file is missing or cannot be decoded.
    """
    whole = window = np.zeros((1, 1))
    length = windows = 0
    for samples in _excerpts(file, track):
        if len(samples) < 2 or (whole.any() and len(samples) != len(whole)):
            return False
        varying = samples - samples.mean(axis=1, keepdims=True)
        window = window + varying @ varying.T
        length += samples.shape[1]
        if length < _WINDOW:
            continue
        whole, windows = whole + window, windows + 1
        audible = window.trace() > _QUIET * whole.trace() / windows
        if audible and _residual(window) > _SAME_RESIDUAL_ANYWHERE:
            return False
        window, length = np.zeros_like(whole), 0
    return _residual(whole + window) <= _SAME_RESIDUAL


def _excerpts(file: AudioFile, track: TrackChoice) -> Iterator[NDArray[np.float32]]:
    """Sound from all over a file, the first minute, then a second in four: float32 [channels, n], at its own rate."""
    if track == "all":
        yield from audio.blocks(file, track=track)
        return
    with open_audio(file, track) as (container, streams, _):
        form, converter = None, AudioResampler(format="flt")
        for _, frame in audio_frames(container, streams, lambda time_s: time_s < 60 or int(time_s) % 4 == 0):
            if form != (form := (frame.sample_rate, frame.layout.name, frame.format.name)):
                converter = AudioResampler(format="flt")
            frame.pts = None
            for converted in converter.resample(frame):
                yield as_array(converted)


def _residual(products: NDArray[np.float64]) -> float:
    """Of the channels' inner products: how much of any channel the first one does not explain, 0…1."""
    power = products.diagonal()
    if not power.any():
        return 0.0
    if power.min() < _SAME_GAIN**2 * power.max():
        return 1.0
    return float(1.0 - (products[0] ** 2 / (power[0] * power)).min())


def spooled(path: Path, say: Callable[[str], None]) -> Path | BinaryIO:
    """A recording that can be read more than once: of a pipe, a copy that vanishes when it is closed.

    A pipe is read to its end: standard input (`-`), `/dev/stdin` or a FIFO; `say` is told where that takes long.

    Raises:
        AudioError: It is a folder, or the pipe cannot be read, is a terminal, or does not fit on the disk.
    """
    if path.is_dir():
        raise AudioError(f"{path} is a folder; archive reads all recordings of one.")
    if str(path) != STDIN and not _is_pipe(path):
        return path
    name = "Standard input" if str(path) == STDIN else str(path)
    try:
        with open(0 if str(path) == STDIN else path, "rb", buffering=0, closefd=str(path) != STDIN) as pipe:
            if pipe.isatty():
                raise AudioError(f"{name} is a terminal; let a program write a recording into it.")
            return _copy(pipe, name, say)
    except OSError as error:
        raise AudioError(f"{name} cannot be read ({reason(error)}).") from error


def _copy(pipe: BinaryIO, name: str, say: Callable[[str], None]) -> BinaryIO:
    # Not /tmp, which is memory on many systems.
    folder = None if "TMPDIR" in os.environ or not os.access("/var/tmp", os.W_OK) else "/var/tmp"
    copy = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  the caller closes it
    try:
        place = folder or tempfile.gettempdir()
        told, patience = False, time.monotonic() + _PATIENCE_S
        while piece := pipe.read(_PIECE_BYTES):
            if not told and time.monotonic() > patience:
                told = True
                say(f"{name} is read to its end before the first turn is shown; --device - listens to a live stream.")
            if shutil.disk_usage(place).free < _KEPT_FREE_BYTES + len(piece):
                raise AudioError(f"{name} does not fit on the disk of {place}; save it as a file first.")
            copy.write(piece)
    except BaseException:
        copy.close()
        raise
    return copy


def _is_pipe(path: Path) -> bool:
    """Whether it can be read only once."""
    with suppress(OSError):
        return path.is_fifo() or path.is_char_device() or path.is_socket()
    return False


def _of_tracks(name: str, streams: Sequence[AudioStream], track: TrackChoice, read: AudioStream) -> list[str]:
    """A notice for a file with several audio tracks of which none was chosen."""
    if track is not None or len(streams) < 2:
        return []
    chosen = streams.index(read)
    tracks = []
    for number, stream in enumerate(streams, start=1):
        codec = "unknown codec" if stream.codec_context is None else stream.codec_context.name
        told = [str(value) for key in ("language", "title") if (value := stream.metadata.get(key))]
        tracks.append(f"{number} ({', '.join([*told, codec])})")
    others = ", ".join(tracks[:chosen] + tracks[chosen + 1 :])
    return [
        f"{name} has {len(streams)} audio tracks; {tracks[chosen]} is read, not {others}. "
        "--track chooses one, or all as channels."
    ]
