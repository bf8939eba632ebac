"""Cached frames are those of the model, and drawn speech has the baseline of its own speaker."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stser_core.audio import load_mono
from stser_core.config import CheckpointConfig
from stser_core.errors import DataError
from stser_core.features import pad, trim
from stser_core.model import Stser
from stser_core.training.augmentation import Augmentation
from stser_core.training.clip import Clip
from stser_core.training.frame_cache import FrameCache
from stser_core.training.run import only
from stser_core.training.speech_sources import CachedFrames


def model(config: CheckpointConfig, seed: int = 0) -> Stser:
    torch.manual_seed(seed)
    return Stser(only(config, ["speech"])).eval()


@pytest.fixture
def clips(data: Path) -> list[Clip]:
    """Two speakers; of each a neutral and an angry clip."""
    paths = sorted((data / "emodb").glob("*.flac"))[:4]
    labels, who = ("neutral", "angry") * 2, "aabb"
    return [Clip(f"c/{n}", path, None, labels[n], who[n], None, None, None, "c", None) for n, path in enumerate(paths)]


def test_version_0_is_what_the_model_makes_of_the_recording(clips, default_like, tmp_path: Path) -> None:
    stser = model(default_like)
    cache = FrameCache(clips, stser, tmp_path)
    for clip in clips:
        with torch.no_grad():
            frames, counts = stser.encode_frames(*pad([trim(load_mono(clip.path), default_like.features)[0]]))
        kept = cache.frames(clip)
        assert kept.dtype == np.float16 and len(kept) == cache.length(clip) == int(counts)
        np.testing.assert_allclose(kept, frames[0].numpy(), atol=2e-2)
    np.testing.assert_allclose(cache.means(clips)[0, 1], cache.frames(clips[1]).astype(np.float32).mean(0), rtol=1e-5)


def test_frames_are_kept_by_content_version_front_end_and_noise(clips, default_like, tmp_path: Path) -> None:
    def kept() -> int:
        return len(list(tmp_path.rglob("*.npy")))

    first = FrameCache(clips[:2], model(default_like), tmp_path, versions=2)
    assert kept() == 6
    assert not np.array_equal(first.frames(clips[0], 1), first.frames(clips[0], 2))
    again = FrameCache(clips[:2], model(default_like), tmp_path, versions=1)
    assert kept() == 6 and np.array_equal(again.frames(clips[0], 1), first.frames(clips[0], 1))
    FrameCache(clips[:2], model(default_like), tmp_path, versions=1, pauses=[np.ones(20_000, np.float32)])
    assert kept() == 8, "other noise, other lines; as recorded they are the same"
    FrameCache(clips[:2], model(default_like, seed=1), tmp_path)
    assert kept() == 10


def test_a_recording_that_cannot_be_decoded_is_named(default_like, tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_text("no sound")
    broken = Clip("c/1", tmp_path / "broken.wav", None, "sad", "s", None, None, None, "c", None)
    with pytest.raises(DataError, match=r"1 recordings cannot be used: .*broken\.wav"):
        FrameCache([broken], model(default_like), tmp_path / "cache")


def test_baselines_are_of_the_same_speaker_mostly_neutral_and_shrunk(clips, default_like, tmp_path: Path) -> None:
    cache = FrameCache(clips, model(default_like), tmp_path)
    source = CachedFrames(clips, cache, default_like)
    source.measure(clips)
    means = cache.means(clips)[0]
    np.testing.assert_allclose(source.neutral_mean, means[[0, 2]].mean(0), rtol=1e-4)
    neutral, angry = means[0] - source.neutral_mean, means[1] - source.neutral_mean
    counts: Counter[bool] = Counter()
    weights = []
    for seed in range(300):
        drawn = source.draw(clips[1], np.random.default_rng(seed), None).baseline
        assert drawn is not None
        moved = drawn.numpy() - source.neutral_mean
        (a, b), *_ = np.linalg.lstsq(np.stack([neutral, angry], 1), moved, rcond=None)
        np.testing.assert_allclose(a * neutral + b * angry, moved, atol=1e-3)
        counts[a > b] += 1
        weights.append(a + b)
    assert counts[True] > 250, "of 85 % neutral turns"
    assert default_like.speaker_baseline is not None
    most = 25 / (25 + default_like.speaker_baseline.pseudo_turns)
    assert min(weights) == pytest.approx(0, abs=1e-5) and max(weights) == pytest.approx(most, abs=1e-3)


def test_lines_and_crops_are_drawn_as_often_as_asked(clips, default_like, tmp_path: Path) -> None:
    cache = FrameCache(clips, model(default_like), tmp_path, versions=1)
    source = CachedFrames(clips, cache, default_like)
    whole = [torch.from_numpy(cache.frames(clips[0], version).astype(np.float32)) for version in (0, 1)]

    def frames(augmentation: Augmentation, seed: int) -> torch.Tensor:
        return source.draw(clips[0], np.random.default_rng(seed), augmentation).frames

    over = sum(torch.equal(frames(Augmentation(lines=0.3), seed), whole[1]) for seed in range(200))
    assert over == pytest.approx(60, abs=25)
    lengths = {len(frames(Augmentation(crop=1.0, crop_s=(0.2, 0.4)), seed)) for seed in range(50)}
    assert lengths == set(range(5, 11))
    assert torch.equal(frames(replace(Augmentation(), lines=0.0), 0), whole[0])
