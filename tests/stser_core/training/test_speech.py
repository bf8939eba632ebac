"""Drawn speech comes over lines and in parts as often as asked, with the baseline of its own speaker."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from test_caches import model

from stser_core.training.augmentation import Augmentation
from stser_core.training.caches import WIDE, FrameCache, line
from stser_core.training.clip import Clip
from stser_core.training.speech import SpeechSource


@pytest.fixture
def clips(data: Path) -> list[Clip]:
    """Two speakers; of each a neutral and an angry clip."""
    paths = sorted((data / "emodb").glob("*.flac"))[:4]
    labels, who = ("neutral", "angry") * 2, "aabb"
    return [Clip(f"c/{n}", path, None, labels[n], who[n], None, None, None, "c", None) for n, path in enumerate(paths)]


def test_baselines_are_of_the_same_speaker_mostly_neutral_and_shrunk(clips, default_like, tmp_path: Path) -> None:
    cache = FrameCache(model(default_like), tmp_path)
    source = SpeechSource(clips, cache, default_like)
    source.measure(clips)
    means = cache.statistics(clips, [WIDE])[0, 0]
    np.testing.assert_allclose(source.neutral_mean, means[[0, 2]].mean(0), rtol=1e-4)
    neutral, angry = means[0] - source.neutral_mean, means[1] - source.neutral_mean
    counts: Counter[bool] = Counter()
    weights = []
    for seed in range(300):
        drawn = source.draw(clips[1], np.random.default_rng(seed), None).baseline
        moved = drawn.numpy() - source.neutral_mean
        (a, b), *_ = np.linalg.lstsq(np.stack([neutral, angry], 1), moved, rcond=None)
        np.testing.assert_allclose(a * neutral + b * angry, moved, atol=1e-3)
        counts[a > b] += 1
        weights.append(a + b)
    assert counts[True] > 250, "of 85 % neutral turns"
    most = 25 / (25 + default_like.speaker_baseline.pseudo_turns)
    assert min(weights) == pytest.approx(0, abs=1e-5) and max(weights) == pytest.approx(most, abs=1e-3)


def test_lines_and_crops_are_drawn_as_often_as_asked(clips, default_like, tmp_path: Path) -> None:
    cache = FrameCache(model(default_like), tmp_path)
    source = SpeechSource(clips, cache, default_like, lines=1)
    whole = [torch.from_numpy(cache.frames(clips[0], version).astype(np.float32)) for version in (WIDE, line(1))]

    def frames(augmentation: Augmentation, seed: int) -> torch.Tensor:
        return source.draw(clips[0], np.random.default_rng(seed), augmentation).frames

    over = sum(torch.equal(frames(Augmentation(lines=0.3), seed), whole[1]) for seed in range(200))
    assert over == pytest.approx(60, abs=25)
    lengths = {len(frames(Augmentation(crop=1.0, crop_s=(0.2, 0.4)), seed)) for seed in range(50)}
    assert lengths == set(range(5, 11))
    assert torch.equal(frames(Augmentation(), 0), whole[0])


def test_log_mel_has_no_baseline(clips, config, tmp_path: Path) -> None:
    source = SpeechSource(clips, FrameCache(model(config), tmp_path), config)
    drawn = source.draw(clips[0], np.random.default_rng(0), Augmentation(crop=1.0, frame_noise=0.1))
    assert drawn.baseline is None and drawn.frames.shape[1] == 24
