"""The cache holds what decoding gives, trimmed, and notices when a recording changes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from stser_core.audio import load_mono
from stser_core.config import FeatureConfig
from stser_core.errors import DataError
from stser_core.features import trim
from stser_core.training.clip import Clip
from stser_core.training.sound_cache import SoundCache


def clip(path: Path | None) -> Clip:
    return Clip(str(path), path, None, "sad", "s", None, None, None, "c", None)


@pytest.fixture
def recordings(data: Path, tmp_path: Path) -> list[Path]:
    chosen = sorted((data / "emodb").glob("*.flac"))[:3]
    return [Path(shutil.copy(path, tmp_path)) for path in chosen]


def test_it_gives_the_trimmed_sound(recordings: list[Path], tmp_path: Path) -> None:
    settings = FeatureConfig()
    cache = SoundCache([clip(path) for path in recordings], tmp_path / "cache", settings)
    for path in recordings:
        expected = trim(load_mono(path), settings)[0]
        assert cache.length(clip(path)) == len(expected)
        assert np.abs(cache.samples(clip(path)) - expected).max() < 1e-4


def test_it_is_made_once_and_anew_when_a_recording_changes(recordings: list[Path], tmp_path: Path) -> None:
    clips = [clip(path) for path in recordings]
    SoundCache(clips, tmp_path / "cache", FeatureConfig())
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.npy")}
    SoundCache(clips, tmp_path / "cache", FeatureConfig())
    assert len(made) == 3
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.npy")} == made
    shutil.copy(recordings[1], recordings[0])
    again = SoundCache(clips, tmp_path / "cache", FeatureConfig())
    assert np.array_equal(again.samples(clips[0]), again.samples(clips[1]))


def test_recordings_that_cannot_be_used_are_counted(recordings: list[Path], tmp_path: Path) -> None:
    recordings[0].write_text("no sound")
    with pytest.raises(DataError, match="1 of 3 recordings cannot be used"):
        SoundCache([clip(path) for path in recordings], tmp_path / "cache", FeatureConfig())
    with pytest.raises(DataError, match=r"gone\.wav cannot be read"):
        SoundCache([clip(tmp_path / "gone.wav")], tmp_path / "cache", FeatureConfig())


def test_texts_alone_need_no_cache_of_sound(tmp_path: Path) -> None:
    assert SoundCache([clip(None)], tmp_path, FeatureConfig()).length(clip(None)) == 0
