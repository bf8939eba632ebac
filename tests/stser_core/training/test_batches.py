"""An epoch's batches: how often each clip is drawn, and that nothing but seed and epoch decides."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import clip

from stser_core.training.batches import VALIDATION, Examples, draw_weights, length_batches


def batches(lengths: list[int], weights: list[float], size: int, *seed: int) -> list[list[int]]:
    drawn = length_batches(np.array(lengths), np.array(weights), size, np.random.default_rng(seed))
    return [one.tolist() for one in drawn]


@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 5))
def test_equal_weights_draw_each_clip_at_most_once(clips: int, size: int, epoch: int) -> None:
    size = min(size, clips)
    drawn = [place for one in batches(list(range(clips)), [1.0] * clips, size, 0, epoch) for place in one]
    assert len(set(drawn)) == len(drawn) == clips // size * size


def test_the_longest_clips_are_drawn_as_often_as_others() -> None:
    drawn: Counter[int] = Counter()
    for epoch in range(200):  # of more than one batch, less than two
        drawn.update(place for one in batches(list(range(60)), [1.0] * 60, 32, 0, epoch) for place in one)
    assert min(drawn.values()) > 0.7 * 200 * 32 / 60 and len(drawn) == 60


def test_epochs_differ_and_seeds_repeat() -> None:
    first, again, epoch, seed = (
        batches(list(range(100)), [1.0] * 100, 10, *one) for one in ((0, 1), (0, 1), (0, 2), (1, 1))
    )
    assert first == again and first != epoch and first != seed
    drawn = Counter(place < 30 for one in batches([1] * 90, [2.0] * 30 + [0.5] * 60, 10, 0) for place in one)
    assert drawn[True] == pytest.approx(60, abs=1), "weights say how often"


def test_balanced_labels_weigh_the_same_in_each_corpus() -> None:
    clips = [clip(n, label="angry" if n < 10 else "sad") for n in range(100)]
    weights = draw_weights(clips, balance_labels=True, balance_corpora=1.0)
    assert weights[:10].sum() == pytest.approx(weights[10:].sum())
    assert weights.mean() == pytest.approx(1.0)


@pytest.mark.parametrize(("power", "proportion"), [(1.0, 0.9), (0.5, 0.75), (0.0, 0.5)])
def test_corpora_are_drawn_by_a_power_of_their_size(power: float, proportion: float) -> None:
    clips = [clip(n, corpus="large" if n < 90 else "small") for n in range(100)]
    weights = draw_weights(clips, balance_labels=False, balance_corpora=power)
    assert weights[:90].sum() / 100 == pytest.approx(proportion)


def test_weak_clips_are_their_proportion_of_all_draws() -> None:
    weak = {"label": "neutral", "weak": True}
    calls = [clip(n, corpus="routine", **weak) for n in range(300)]
    texts = [clip(n, corpus="sgd", path=None, text="hello", **weak) for n in range(1_000)]
    clips = [*(clip(n, label="angry" if n % 2 else "sad") for n in range(100)), *calls, *texts]
    weights = draw_weights(clips, balance_labels=True, balance_corpora=0.5, weak={True: 0.06, False: 0.2})
    parts = weights[:100].sum(), weights[100:400].sum(), weights[400:].sum()
    assert np.array(parts) / weights.sum() == pytest.approx([0.74, 0.06, 0.2])
    assert weights[:100].mean() == pytest.approx(1.0)
    assert sum(map(len, batches([1] * 1_400, weights.tolist(), 5, 0))) == 135


def test_targets_are_what_annotators_said_in_training_and_the_label_in_validation() -> None:
    split = clip(1, label="angry", path=None, text="oh", label_distribution=(0.6, 0.0, 0.4, 0.0))
    examples = Examples([split], None, None)
    assert examples.batch([0], 0)["targets"][0, 1].tolist() == pytest.approx([0.6, 0.0, 0.4, 0.0])
    hard = examples.batch([0], VALIDATION)
    assert hard["targets"][0, 1].tolist() == [1, 0, 0, 0] and hard["weights"][0].tolist() == [0, 1, 0]
