"""Opening a file of sound: which format it has, which track is meant, what its frames are."""

import errno
import io
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from numpy.typing import NDArray

from stser_core.errors import AudioError, UsageError, reason

AudioFile: TypeAlias = str | Path | BinaryIO
"""A path, or an open binary file, which is read from its start where it is seekable."""
TrackChoice: TypeAlias = int | Literal["all"] | None
"""An audio track, counted from 1; `all` for the tracks as channels; `None` for the default track."""

_G711 = dict.fromkeys((".ul", ".ulaw", ".mulaw", ".pcmu"), "mulaw") | dict.fromkeys((".al", ".alaw", ".pcma"), "alaw")
_HEADERLESS = frozenset([*_G711, ".vox", ".g726", ".raw", ".pcm"])
_TELEPHONE_RATE = 8_000
_HIGHEST_RATE = 6_144_000  # no recording has more; resampling from a rate that damage made takes FFmpeg seconds
_START_BYTES = 65_536
_METHODS = "read", "seek", "seekable", "tell"  # of an open file
_OPTIONS = {"max_size": "16384"}  # bytes of a WAV's frame; FFmpeg's own 64 ms take longer to handle than to decode
# FFmpeg's readers of bare frames, whose length is estimated from the first frames' bit rate.
BARE_FRAMES = frozenset(["aac", "ac3", "amr", "dts", "dtshd", "eac3", "loas", "mp3", "truehd"])
# FFmpeg's readers of formats that begin with a signature; of others, raw sound may look like one by chance.
_SIGNED = {"aiff", "amr", "ape", "asf", "au", "avi", "caf", "dsf", "flac", "flv", "matroska,webm", "nut", "ogg", "rm"}
_SIGNED |= {"mov,mp4,m4a,3gp,3g2,mj2", "sox", "tta", "voc", "w64", "wav", "wv"}
_FOUND_BY_CHANCE = BARE_FRAMES | {"amrnb", "amrwb"}
_FRAMES_SUFFIXES = {".aac", ".ac3", ".adts", ".amr", ".dts", ".eac3", ".mp1", ".mp2", ".mp3", ".mpa", ".mpga"}
_UNSIGNED = BARE_FRAMES | {"mpeg", "mpegts"}
# What files begin with that are no recording and often lie in the place of one.
_INSTEAD = (
    (b"version https://git-lfs", "it is a Git LFS pointer; git lfs pull fetches the recording"),
    (b"\x1f\x8b", "it is compressed with gzip; unpack it first"),
    (b"pk\x03\x04", "it is a zip archive; unpack it first"),
    (b"<!doctype html", "it is a web page"),
    (b"<html", "it is a web page"),
    (b"recording,channel,", "it is a timeline; report, analytics and export read it"),
    (b'{"recording":', "it is a timeline; report, analytics and export read it"),
)
# What begins formats whose header, or third frame, may lie behind the bytes that `identify` sees.
_SIGNATURES = (
    ("MP4", 4, b"ftyp"),  # ISO/IEC 14496-12, section 4.3
    *(("MP3", 0, b"ID3" + version) for version in (b"\x02", b"\x03", b"\x04")),  # ID3v2, section 3.1
    ("DTS", 0, b"\x7f\xfe\x80\x01"),  # ETSI TS 102 114, section 5.3
    ("FLAC", 0, b"fLaC"),  # RFC 9639, section 6
    ("Ogg", 0, b"OggS"),  # RFC 3533, section 6
    ("Matroska or WebM", 0, b"\x1a\x45\xdf\xa3"),  # RFC 8794, section 8.1
)


def identify(start: bytes) -> str | None:
    """The format of a file that is not raw PCM, by its first kilobytes; `None` where nothing is recognised."""
    try:
        with av.open(_Reader(io.BytesIO(start)), mode="r", metadata_errors="replace") as container:
            form = container.format
            if form.name in _SIGNED or (form.name in _UNSIGNED and _goes_on(container)):
                return form.long_name
    except (av.FFmpegError, OSError, ValueError):
        pass
    return next((name for name, at, sign in _SIGNATURES if start.startswith(sign, at)), None)


def _goes_on(container: InputContainer) -> bool:
    """Whether what looked like a frame is followed by others, where PCM is followed by what no decoder takes."""
    decoded = refused = 0
    for packet in container.demux(container.streams.audio[:1]):
        try:
            decoded += len(packet.decode())
        except av.InvalidDataError:
            refused += 1
    return decoded >= 3 and refused <= 1


@contextmanager
def open_audio(file: AudioFile, track: TrackChoice) -> Iterator[tuple[InputContainer, list[AudioStream], BinaryIO]]:
    """Open a file: the container, the tracks that are meant, and the file that is read.

    Raises:
        AudioError: The file is missing or not audio, or has no track that can be decoded.
        UsageError: The track does not exist, or this is neither a path nor an open binary file.
    """
    name, instead, start = name_of(file), None, None
    _check(file)
    try:
        with Path(file).open("rb") if isinstance(file, str | Path) else nullcontext(file) as opened:
            if isinstance(opened.read(0), str):
                raise UsageError(f"{name} is open as text; open it with open(…, 'rb').")
            if opened.seekable():
                opened.seek(0)
                start = opened.read(_START_BYTES)
                opened.seek(0)
                begins = start.lower().lstrip()
                signs = (what for sign, what in _INSTEAD if begins.startswith(sign))
                instead = next(signs, None) if start else "it is empty"
            with _container(opened, name, start) as container:
                yield container, _chosen(container, track, name), opened
    except FileNotFoundError as error:
        raise AudioError(f"{name} does not exist.") from error
    except av.PatchWelcomeError as error:  # as for Ogg whose rate or channels change
        sentence = f"{name} cannot be read any further: FFmpeg cannot decode its format, or not that it changes midway."
        raise AudioError(sentence) from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise AudioError(f"{name} cannot be read as audio ({instead or reason(error)}).") from error


def _check(file: object) -> None:
    """Refuse what is neither a path nor has the methods of an open file."""
    if isinstance(file, str) and not file:
        raise UsageError("The path of the recording is empty.")
    if not isinstance(file, str | Path) and not all(hasattr(file, one) for one in _METHODS):
        raise UsageError(
            f"A recording is given as a path, or as an open binary file with {', '.join(_METHODS)}; this is "
            f"{type(file).__name__}."
        )


def _chosen(container: InputContainer, track: TrackChoice, name: str) -> list[AudioStream]:
    """The audio tracks that are meant; `None` is the first that is marked as default, or the first."""
    streams = container.streams.audio
    if not streams:
        raise AudioError(f"{name} has no audio track.")
    if isinstance(track, int) and not 1 <= track <= len(streams):
        raise UsageError(f"{name} has {len(streams)} audio track{'s' * (len(streams) > 1)}, but no track {track}.")
    if track is None:
        chosen = [next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])]
    else:
        chosen = list(streams) if track == "all" else [streams[track - 1]]
    for stream in chosen:
        if stream.codec_context is None:  # PyAV gives none where no decoder answers to the codec's number
            raise AudioError(f"{name} has an audio track of a kind that nothing here can decode.")
        if stream.channels < 1 or stream.sample_rate < 1:
            raise AudioError(f"{name} does not say how many channels or which sample rate its audio has.")
        if stream.sample_rate > _HIGHEST_RATE:
            raise AudioError(f"{name} says that its sample rate is {stream.sample_rate:,} Hz; it may be damaged.")
    return chosen


def audio_frames(
    container: InputContainer, streams: Sequence[AudioStream], wanted: Callable[[float], bool] | None = None
) -> Iterator[tuple[int, AudioFrame]]:
    """The frames of some tracks with their indices, at all times or at those that are wanted."""
    for packet in container.demux(*streams):
        if wanted is not None and packet.pts is not None and not wanted(float(packet.pts * packet.time_base)):
            continue
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            continue
        for frame in frames:
            if isinstance(frame, AudioFrame) and frame.samples and 0 < frame.sample_rate <= _HIGHEST_RATE:
                yield packet.stream_index, frame


def as_array(frame: AudioFrame) -> NDArray[np.float32]:
    """The samples of a frame in packed format: float32 [channels, n]; PyAV 18 crashes on planar ones of 8 channels."""
    return np.asarray(frame.to_ndarray(), dtype=np.float32).reshape(-1, frame.layout.nb_channels).T


class _Reader:
    """A file as PyAV reads it; a place that damaged headers made up is an error number, not a traceback of PyAV's."""

    def __init__(self, file: BinaryIO, name: str = "") -> None:
        self.read, self.tell, self.name = file.read, file.tell, name
        self.seekable = file.seekable
        self._seek = file.seek

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -errno.EINVAL


def _container(file: BinaryIO, name: str, start: bytes | None) -> InputContainer:
    suffix = Path(name).suffix.lower()
    if suffix in _HEADERLESS and start and identify(start) is None:
        return _headerless(file, name, suffix)
    container = av.open(_Reader(file, name), mode="r", metadata_errors="replace", options=_OPTIONS)
    form = container.format.name
    codecs = [stream.codec_context for stream in container.streams.audio]
    if any(codec is not None and codec.name == f"pcm_{form}" for codec in codecs):
        suffix = f".{form}"  # FFmpeg goes by the name as well, and takes 44.1 kHz
    elif not start or form not in _FOUND_BY_CHANCE or suffix in _FRAMES_SUFFIXES or identify(start) is not None:
        return container
    container.close()
    file.seek(0)
    return _headerless(file, name, suffix)


def _headerless(file: BinaryIO, name: str, suffix: str) -> InputContainer:
    """Telephone systems store one channel at 8 kHz; of all others nothing can be known."""
    if suffix in _G711:
        rate = {"sample_rate": str(_TELEPHONE_RATE)}
        return av.open(_Reader(file, name), mode="r", format=_G711[suffix], options=rate)
    if suffix == ".vox":
        return av.open(_Reader(_with_dialogic_header(file)), mode="r", format="wav")
    # G.726 has two bit orders (RFC 3551's and AAL2's) and four bit rates.
    form = "g726le -code_size 4" if suffix == ".g726" else "s16le -ar 8000 -ac 1"
    raise AudioError(
        f"{name} is raw sound that does not say its format; convert it first, with the rate and the format that it "
        f"has: ffmpeg -f {form} -i '{name}' '{Path(name).stem}.wav'."
    )


def _with_dialogic_header(file: BinaryIO) -> BinaryIO:
    """Dialogic's ADPCM at 8 kHz, of four bits a sample, in a WAV that says so (RIFF format tag 0x17)."""
    data = file.read()
    form = struct.pack("<HHIIHH", 0x17, 1, _TELEPHONE_RATE, _TELEPHONE_RATE // 2, 1, 4)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return io.BytesIO(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)


def name_of(file: AudioFile) -> str:
    """A file's name in messages."""
    if isinstance(file, str | Path):
        return str(file)
    name = getattr(file, "name", None)
    return os.fsdecode(name) if isinstance(name, str | bytes) else "The file"
