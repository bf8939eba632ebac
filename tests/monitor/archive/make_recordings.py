"""Makes a folder of short, varied recordings from the free ones in tests/data.

    python tests/monitor/archive/make_recordings.py FOLDER --count 300

Calls and clips are cut and joined anew for each: some with one channel, some with two, at 8 and 16 kHz, as WAV, FLAC
and MP3, in folders by day, some under the same name but for the extension. The last two are broken. The same count
gives the same files.
"""

from __future__ import annotations

import argparse
import os
import wave
from pathlib import Path

import av
import numpy as np

from stser_core import audio

DATA = Path(__file__).parents[2] / "data"
RATE = audio.SAMPLE_RATE
FORMATS = ("wav", "wav", "flac", "mp3")
FIRST_DAY = np.datetime64("2026-09-28")


def speech() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Long stretches of calls to cut pieces from, and whole clips."""
    calls = [
        audio.load_mono(DATA / "calls" / name) for name in ("auto_repair_call_8k_mono.wav", "two_speakers_16k_mono.wav")
    ]
    clips = [audio.load_mono(path) for path in sorted((DATA / "emodb").glob("*.flac"))]
    return calls, clips


def one_channel(
    random: np.random.Generator, calls: list[np.ndarray], clips: list[np.ndarray], seconds: float
) -> np.ndarray:
    """A piece of a call, or clips with pauses between them."""
    if random.random() < 0.5:
        call = calls[random.integers(len(calls))]
        start = int(random.integers(0, max(1, len(call) - int(seconds * RATE))))
        return call[start : start + int(seconds * RATE)]
    pieces: list[np.ndarray] = []
    while sum(map(len, pieces)) < seconds * RATE:
        pieces += [np.zeros(int(random.uniform(0.3, 2.5) * RATE), np.float32), clips[random.integers(len(clips))]]
    return np.concatenate(pieces)


def two_channels(
    random: np.random.Generator, calls: list[np.ndarray], clips: list[np.ndarray], seconds: float
) -> np.ndarray:
    """A customer and an agent, each with pauses while the other mostly speaks."""
    channels = [one_channel(random, calls, clips, seconds)[: int(seconds * RATE)] for _ in range(2)]
    length = min(map(len, channels))
    turn = (np.arange(length) // int(4.3 * RATE)) % 2
    return np.stack([channels[0][:length] * (turn == 0), channels[1][:length] * (turn == 1)])


def write(path: Path, samples: np.ndarray, rate: int) -> None:
    """Write [channels, n] at 16 kHz as the extension says; every other sample at 8 kHz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pcm = (np.clip(samples[:, :: RATE // rate], -1, 1) * 32767).astype("<i2")
    if path.suffix == ".wav":
        with wave.open(str(path), "wb") as file:
            file.setnchannels(len(pcm))
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(pcm.T.tobytes())
        return
    layout = "stereo" if len(pcm) == 2 else "mono"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(path.suffix[1:], rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm.T).reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=rate, frame_size=stream.frame_size or 0)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def make(folder: Path, count: int) -> None:
    """Make so many recordings, the last two of them broken."""
    random = np.random.default_rng(2026)
    calls, clips = speech()
    for number in range(count - 2):
        # Numbers 8 and 9 of each ten share a name but for the extension.
        shared = number - 1 if number % 10 == 9 else number
        kind = "flac" if number % 10 == 8 else "mp3" if number % 10 == 9 else FORMATS[number % len(FORMATS)]
        seconds = random.uniform(4, 24)
        if number % 3 == 0:
            samples = two_channels(random, calls, clips, seconds)
        else:
            samples = one_channel(random, calls, clips, seconds)[None]
        rate = 8_000 if number % 4 == 1 and kind == "wav" else RATE
        write(folder / str(FIRST_DAY + (shared % 30)) / f"call-{shared:03d}.{kind}", samples, rate)
    (folder / "broken").mkdir(parents=True, exist_ok=True)
    (folder / "broken" / "empty.wav").write_bytes(b"")
    (folder / "broken" / "noise.mp3").write_bytes(np.random.default_rng(1).bytes(4_000))
    (folder / "notes.txt").write_text("This is not a recording.\n")
    for number, path in enumerate(sorted(folder.rglob("*.*"))):
        os.utime(path, ns=(0, 1_790_000_000_000_000_000 + number))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=300)
    options = parser.parse_args()
    make(options.folder, options.count)


if __name__ == "__main__":
    main()
