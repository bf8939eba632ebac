"""People speaking at known times: the free clips of tests/data, with pauses between them."""

import sys
import wave
from pathlib import Path
from typing import IO

import numpy as np

from stser_core import audio

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
RATE = audio.SAMPLE_RATE
SENTENCES = 18
"""Utterances in a minute of `minute`."""
PROGRAM = [sys.executable, "-c", "import sys; from monitor.cli import main; sys.exit(main())"]
"""The command line as a process, whether or not it is installed as a command."""


def minute() -> bytes:
    """A minute of 18 sentences over a little noise, as 16-bit samples at 16 kHz."""
    pieces = []
    for path in sorted((DATA / "emodb").glob("*.flac")) * 3:
        samples = audio.load_mono(path)
        pieces += [samples, np.zeros(round(60 / SENTENCES * RATE) - len(samples), dtype=np.float32)]
    samples = np.concatenate(pieces)[: 60 * RATE]
    samples = np.pad(samples, (0, 60 * RATE - len(samples)))
    samples += np.random.default_rng(1).normal(0, 3e-4, len(samples)).astype(np.float32)
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def write_pcm(file: str | IO[bytes], pcm: bytes, channels: int = 1, rate: int = RATE) -> None:
    """Write 16-bit samples as WAV."""
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, 2, rate, 0, "NONE", ""))
        writer.writeframes(pcm)
