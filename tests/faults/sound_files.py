"""Recordings to be damaged: one of each format that recorders write, and WAV headers that nobody ever wrote."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
from hypothesis import strategies as st
from speech import DATA

_SECONDS = 0.4
_FORMATS = (
    ("pcm_s16le", "wav", 16_000),
    ("pcm_u8", "wav", 8_000),
    ("pcm_s24le", "wav", 44_100),
    ("pcm_f32le", "wav", 48_000),
    ("pcm_mulaw", "wav", 8_000),
    ("pcm_alaw", "wav", 8_000),
    ("adpcm_ms", "wav", 8_000),
    ("adpcm_ima_wav", "wav", 8_000),
    ("pcm_s16be", "aiff", 22_050),
    ("flac", "flac", 16_000),
    ("libmp3lame", "mp3", 16_000),
    ("libopus", "ogg", 48_000),
    ("aac", "mp4", 44_100),
    ("aac", "m4a", 16_000),
    ("aac", "mkv", 16_000),
)


def recordings(folder: Path) -> dict[str, bytes]:
    """Short stereo recordings by format; GSM 6.10, which nobody here can write, comes from tests/data."""
    made = {f"{codec}.{ending}": _recording(folder, codec, ending, rate) for codec, ending, rate in _FORMATS}
    made["rate changes.mp3"] = made["libmp3lame.mp3"] + _recording(folder, "libmp3lame", "mp3", 44_100)
    made["gap.mkv"] = _with_gap(folder, "gap.mkv", "pcm_s16le", tracks=1)
    made["gap.ts"] = _with_gap(folder, "gap.ts", "mp2", tracks=1)
    made["tracks.mkv"] = _with_gap(folder, "tracks.mkv", "libopus", tracks=2)
    made["tracks.mp4"] = _with_gap(folder, "tracks.mp4", "aac", tracks=2)
    return {**made, "gsm.wav": (DATA / "gsm_sine.wav").read_bytes()[:4_000]}


def _with_gap(folder: Path, name: str, codec: str, *, tracks: int) -> bytes:
    """Tracks of 0.2 s of sound, ten seconds without packets, and 0.2 s more; each begins later than the last."""
    path, rate, frame_samples = folder / name, 48_000, 960
    sound = (9_000 * np.sin(np.arange(frame_samples) / 9)).astype(np.int16)[None]
    with av.open(str(path), "w") as container:
        streams = [container.add_stream(codec, rate=rate, layout="mono") for _ in range(tracks)]
        for start_s in (0.0, 10.0):
            for number in range(10):
                for place, stream in enumerate(streams):
                    frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
                    frame.sample_rate = rate
                    frame.pts = round((start_s + place) * rate) + number * frame_samples
                    container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    return path.read_bytes()


def _recording(folder: Path, codec: str, ending: str, rate: int) -> bytes:
    path = folder / f"whole.{ending}"
    time = np.arange(round(_SECONDS * rate)) / rate
    sound = np.stack([0.5 * np.sin(2 * np.pi * 440 * time), 0.1 * np.sin(2 * np.pi * 1_000 * time)])
    frame = av.AudioFrame.from_ndarray(sound.T.astype(np.float32).reshape(1, -1), format="flt", layout="stereo")
    frame.sample_rate = rate
    frame.pts = 0
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="stereo")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


def _wav(code: int, channels: int, rate: int, align: int, bits: int, claimed: int, extra: bytes, body: bytes) -> bytes:
    form = struct.pack("<HHIIHH", code, channels, rate, (rate * align) & 0xFFFFFFFF, align, bits) + extra
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", claimed) + body
    return b"RIFF" + struct.pack("<I", (len(chunks) + 4) & 0xFFFFFFFF) + b"WAVE" + chunks


_short = st.integers(0, 0xFFFF)
_long = st.integers(0, 0xFFFFFFFF)
wav_headers = st.builds(
    _wav,
    st.sampled_from((1, 2, 3, 6, 7, 0x11, 0x31, 0x55, 0xFFFE)) | _short,
    st.integers(0, 9) | _short,
    st.sampled_from((8_000, 16_000, 44_100, 48_000)) | _long,
    st.integers(0, 64) | _short,
    st.sampled_from((0, 4, 8, 16, 24, 32, 64)) | _short,
    st.integers(0, 400) | _long,
    st.binary(max_size=24),
    st.binary(max_size=400),
)
"""WAV files whose headers say anything at all."""
