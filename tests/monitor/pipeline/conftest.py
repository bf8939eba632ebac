"""What the tests of the pipeline share: a talk, its rows, and parts that fail when they are told to (staged.py)."""

import sys
from pathlib import Path

import numpy as np
import pytest

from monitor.flow import SAMPLE_RATE
from stser_core.audio import load_mono

sys.path.append(str(Path(__file__).parent))

CLIPS = ("03a02Nc", "08a01Wa", "10a02Fa", "14a01Na")


@pytest.fixture(scope="module")
def sound(data):
    """Two people who speak in turn and at times both, 18 s; one of them goes on for longer than a turn may last."""
    clips = [load_mono(data / "emodb" / f"{name}.flac") for name in CLIPS]
    talk = np.zeros((2, 18 * SAMPLE_RATE), dtype=np.float32)
    for number, clip in enumerate(clips * 2):
        talk[number % 2, number * 20_000 :][: len(clip)] += clip
    talk[0, 11 * SAMPLE_RATE :][: len(clips[0]) * 3] = np.tile(clips[0], 3)
    return talk


@pytest.fixture(scope="module")
def rows(sound):
    from staged import rows_of

    return rows_of(sound)
