"""Caches hold what decoding and the front end give, by content; random telephone lines are those of real codecs."""

import errno
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from making import clip

from stser_core.audio import load_mono
from stser_core.config import SAMPLE_RATE
from stser_core.errors import DataError, OutputError
from stser_core.features import trim
from stser_core.model import Stser
from stser_core.torch_network import TorchNetwork
from stser_core.training.caches import TELEPHONE, WIDE, ArrayStore, FrameCache, SoundCache
from stser_core.training.clip import fingerprint
from stser_core.training.recipe import only
from stser_core.training.telephone_lines import random_line, telephone_band


@pytest.fixture
def recordings(data: Path, tmp_path: Path) -> list[Path]:
    chosen = sorted((data / "emodb").glob("*.flac"))[:3]
    return [Path(shutil.copy(path, tmp_path)) for path in chosen]


def model(config, seed: int = 0) -> Stser:  # type: ignore[no-untyped-def]
    torch.manual_seed(seed)
    return Stser(only(config, ["speech"])).eval()


def kept(folder: Path) -> int:
    return len(list(folder.rglob("*.npy")))


def test_sound_is_trimmed_and_decoded_anew_when_a_recording_changes(recordings: list[Path], tmp_path: Path) -> None:
    clips = [clip(path, path=path) for path in recordings]
    cache = SoundCache([*clips, clip(0, path=None)], tmp_path / "cache")
    for one, path in zip(clips, recordings, strict=True):
        expected = trim(load_mono(path))[0]
        assert cache.length(one) == len(expected) and np.array_equal(cache.samples(one), expected)
    assert cache.length(clip(0, path=None)) == 0
    SoundCache(clips, tmp_path / "cache")
    assert kept(tmp_path / "cache") == 3
    shutil.copy(recordings[1], recordings[0])
    again = SoundCache(clips, tmp_path / "cache")
    assert np.array_equal(again.samples(clips[0]), again.samples(clips[1]))


@pytest.mark.parametrize("front", [True, False], ids=["front end", "log-mel"])
def test_frames_are_those_of_the_trimmed_recording(recordings, default_like, config, front, tmp_path) -> None:
    clips = [clip(path, path=path) for path in recordings]
    stser = model(default_like if front else config)
    cache = FrameCache(stser, tmp_path / "cache")
    cache.prepare(clips)
    for one in clips:
        (frames,) = TorchNetwork(stser, "cpu").encode_frames([trim(load_mono(one.path))[0]])
        found = cache.frames(one)
        assert found.dtype == np.float16 and len(found) == cache.length(one) == len(frames)
        np.testing.assert_allclose(found, frames, atol=2e-2)
    means, deviations = cache.statistics(clips, [TELEPHONE, WIDE])
    given = cache.frames(clips[2]).astype(np.float32)
    np.testing.assert_allclose(means[1, 2], given.mean(0), rtol=1e-5)
    np.testing.assert_allclose(deviations[1, 2], given.std(0), rtol=1e-5)


def test_frames_are_kept_by_content_version_front_end_and_noise(recordings, default_like, tmp_path) -> None:
    clips, folder = [clip(path, path=path) for path in recordings[:2]], tmp_path / "cache"
    first = FrameCache(model(default_like), folder)
    first.prepare(clips, [WIDE, "line1", "line2"])
    assert kept(folder) == 6
    assert not np.array_equal(first.frames(clips[0], "line1"), first.frames(clips[0], "line2"))
    again = FrameCache(model(default_like), folder)
    assert np.array_equal(again.frames(clips[0], "line1"), first.frames(clips[0], "line1")) and kept(folder) == 6
    FrameCache(model(default_like), folder, [np.ones(20_000, np.float32)]).prepare(clips, [WIDE, "line1"])
    assert kept(folder) == 8, "other noise, other lines; as recorded they are the same"
    FrameCache(model(default_like, seed=1), folder).prepare(clips)
    assert kept(folder) == 10


@pytest.mark.parametrize("content", [b"no sound", b""], ids=["not audio", "empty file"])
def test_recordings_that_cannot_be_used_are_counted(recordings, default_like, content, tmp_path) -> None:
    for broken in recordings[:2]:
        broken.write_bytes(content)
    clips = [clip(path, path=path) for path in recordings]
    for use in (
        lambda: SoundCache(clips, tmp_path / "cache"),
        lambda: FrameCache(model(default_like), tmp_path / "cache").prepare(clips),
    ):
        with pytest.raises(DataError, match=rf"^2 of .*{recordings[0].name}.*{recordings[1].name}"):
            use()
        assert not list((tmp_path / "cache").rglob(".stser-*"))
    with pytest.raises(DataError, match=r"gone\.wav cannot be read"):
        SoundCache([clip(1, path=tmp_path / "gone.wav")], tmp_path / "cache")


def test_a_fingerprint_follows_content_and_not_place(recordings, tmp_path) -> None:
    clips = [clip(n, path=path) for n, path in enumerate(recordings)]
    (tmp_path / "moved").mkdir()
    moved = [replace(one, path=Path(shutil.copy(one.path, tmp_path / "moved"))) for one in clips]
    assert fingerprint(clips) == fingerprint(moved)
    moved[0].path.write_bytes(b"other sound")
    texts = [replace(one, path=None) for one in clips]
    others = [
        (moved,),
        (clips[:1], clips[1:]),
        (clips[1:],),
        ([replace(clips[0], label="happy"), *clips[1:]],),
        (texts,),
    ]
    assert len({fingerprint(*parts) for parts in [(clips,), *others]}) == 1 + len(others)
    moved[0].path.unlink()
    with pytest.raises(DataError):
        fingerprint(moved)


def test_a_full_disk_leaves_no_half_of_an_array(tmp_path, monkeypatch) -> None:
    def full(file, array, **options):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OutputError):
        ArrayStore(tmp_path, "sound").save("key", np.zeros(3))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


TONE = (0.3 * np.sin(2 * np.pi * 700 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)).astype(np.float32)


def strongest(sound: np.ndarray, rate: int = SAMPLE_RATE) -> float:
    return float(np.abs(np.fft.rfft(sound)).argmax() * rate / len(sound))


def test_lines_keep_length_and_pitch_differ_and_repeat() -> None:
    pause = np.random.default_rng(0).standard_normal(4_000).astype(np.float32)
    lines = [random_line(TONE, np.random.default_rng(seed), [pause]) for seed in range(20)]
    for line in lines:
        assert line.shape == TONE.shape and np.isfinite(line).all() and np.abs(line).max() <= 1
        assert strongest(line) == pytest.approx(700, abs=10)
    assert len({line.tobytes() for line in lines}) == 20
    assert np.array_equal(lines[3], random_line(TONE, np.random.default_rng(3), [pause]))


def test_the_telephone_carries_300_to_3400_hertz() -> None:
    hertz = (100, 1_000, 3_000, 5_000)
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    sound = sum(0.2 * np.sin(2 * np.pi * one * time) for one in hertz).astype(np.float32)
    carried = telephone_band(sound)
    assert carried.shape == sound.shape
    spectrum = np.abs(np.fft.rfft(carried)) / np.abs(np.fft.rfft(sound))
    low, middle, high, treble = spectrum[list(hertz)]
    assert low < 0.05 and treble < 0.02
    assert middle == pytest.approx(1, abs=0.2) and high == pytest.approx(1, abs=0.3)
