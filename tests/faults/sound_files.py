"""Recordings to be damaged: one of each format that recorders write, and WAV headers that nobody ever wrote."""

import struct
from pathlib import Path

import av
import numpy as np
from hypothesis import strategies as st
from speech import DATA, RATE

from stser_core import audio

_SECONDS = 0.4
_CLIP_S = 1.5
_GAP_S = 3.0
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
    ("aac", "aac", 16_000),
)
_GAPS = (("gap.mkv", "pcm_s16le", 1), ("gap.ts", "mp2", 1), ("tracks.mkv", "libopus", 2), ("tracks.mp4", "aac", 2))


def recordings(folder: Path) -> dict[str, bytes]:
    """Short stereo recordings by format; GSM 6.10, which nobody here can write, comes from tests/data."""
    time = np.arange(round(_SECONDS * RATE)) / RATE
    sound = np.stack([0.5 * np.sin(2 * np.pi * 440 * time), 0.1 * np.sin(2 * np.pi * 1_000 * time)])
    made = {
        f"{codec}.{ending}": encoded(folder, f"whole.{ending}", codec, [sound], rate=rate)
        for codec, ending, rate in _FORMATS
    }
    made["rate changes.mp3"] = made["libmp3lame.mp3"] + encoded(folder, "a.mp3", "libmp3lame", [sound], rate=44_100)
    made["rate changes.aac"] = made["aac.aac"] + encoded(folder, "a.aac", "aac", [sound], rate=44_100)
    made["channels change.mp3"] = made["libmp3lame.mp3"] + encoded(folder, "b.mp3", "libmp3lame", [sound[:1]])
    for name, codec, tracks in _GAPS:
        made[name] = encoded(folder, name, codec, [sound[:1]] * tracks, rate=48_000, gap_s=10.0, late_s=1.0)
    return {**made, "gsm.wav": (DATA / "gsm_sine.wav").read_bytes()[:4_000]}


def spoken(folder: Path) -> list[bytes]:
    """Recordings of two utterances, of which each has something that a replay has to find out."""
    clips = [audio.load_mono(path) for path in sorted((DATA / "emodb").glob("*.flac"))[:2]]
    first, second = (clip[: round(_CLIP_S * RATE)] for clip in clips)
    pause = np.zeros(RATE, dtype=np.float32)
    line = np.concatenate([first, pause, second, pause])[None]
    twice, echo = np.concatenate([line, line]), 10 ** (-25 / 20) * np.roll(line, 1_000)
    mp3 = encoded(folder, "a.mp3", "libmp3lame", [line])
    return [
        encoded(folder, "a.wav", "pcm_s16le", [line]),
        encoded(folder, "offset.wav", "pcm_s16le", [line + 0.1]),
        encoded(folder, "echo.wav", "pcm_s16le", [np.concatenate([echo, line])]),
        encoded(folder, "same.m4a", "aac", [twice]),
        mp3,
        mp3 + encoded(folder, "rate.mp3", "libmp3lame", [line], rate=8_000),
        mp3 + encoded(folder, "channels.mp3", "libmp3lame", [twice]),
        encoded(folder, "a.aac", "aac", [line]) + encoded(folder, "rate.aac", "aac", [line], rate=44_100),
        encoded(folder, "gap.mkv", "libopus", [line], gap_s=_GAP_S, rate=48_000),
        encoded(folder, "tracks.mkv", "flac", [line, np.roll(line, RATE)], gap_s=_GAP_S),
    ]


def encoded(
    folder: Path,
    name: str,
    codec: str,
    tracks: list[np.ndarray],
    *,
    rate: int = RATE,
    gap_s: float = 0.0,
    late_s: float = 0.0,
    default: int | None = None,
) -> bytes:
    """Tracks of float32 [channels, n] at 16 kHz in a container, with a gap in their packets' times in the middle.

    Each track begins `late_s` later than the one before; one is marked as `default`.
    """
    path, piece = folder / name, RATE // 50
    with av.open(str(path), "w") as container:
        layouts = ["stereo" if len(track) == 2 else "mono" for track in tracks]
        streams = [container.add_stream(codec, rate=rate, layout=layout) for layout in layouts]
        if default is not None:
            streams[default].disposition = av.stream.Disposition.default
        resamplers = [av.AudioResampler("s16", layout, rate) for layout in layouts]
        for stream, resampler, layout, track in zip(streams, resamplers, layouts, tracks, strict=True):
            samples, written = (track.clip(-1, 1) * 32_767).astype(np.int16), 0
            for start in range(0, samples.shape[1], piece):
                part = np.ascontiguousarray(samples[:, start : start + piece].T).reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(part, format="s16", layout=layout)
                frame.sample_rate = RATE
                for out in resampler.resample(frame):
                    moved_s = stream.index * late_s + (gap_s if start > samples.shape[1] / 2 else 0.0)
                    out.pts, written = written + round(moved_s * rate), written + out.samples
                    container.mux(stream.encode(out))
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
