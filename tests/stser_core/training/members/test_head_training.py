"""Training a head: what it learns from vectors whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from stser_core.emotions import LABELS, index
from stser_core.errors import UsageError
from stser_core.members.heads import FAMILIES, HeadSettings
from stser_core.training.clip import Clip
from stser_core.training.members.head_training import Examples, HeadRecipe, train_head


def clips(count, labels=LABELS, corpus="one"):
    return [
        Clip(f"{corpus}/{n}", None, None, labels[n % len(labels)], f"{corpus}-{n % 7}", None, None, None, corpus, None)
        for n in range(count)
    ]


def vectors(of, versions=1, seed=0):
    """Each label has its own direction, under noise."""
    dice = np.random.default_rng(seed)
    targets = np.array([index(clip.label) for clip in of])
    noise = dice.standard_normal((versions, len(of), 12))
    return (5 + noise + 3 * np.eye(12)[targets]).astype(np.float32)


def right(head, of, seed=9):
    answers = head(torch.from_numpy(vectors(of, seed=seed)[0])).argmax(dim=1)
    return float((answers == torch.tensor([index(clip.label) for clip in of])).float().mean())


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_learns(family):
    known = clips(200)
    recipe = HeadRecipe(HeadSettings(family, hidden=16, features=256, gamma=0.3), batch=32, learning_rate=0.02)

    head = train_head(Examples.of(vectors(known, versions=2), known, 0.0), recipe)

    assert right(head, clips(100)) > 0.85
    assert not head.training


def test_the_same_seed_gives_the_same_head_and_chance_elsewhere_is_untouched():
    known = clips(40)
    examples = Examples.of(vectors(known), known, 0.0)
    recipe = HeadRecipe(HeadSettings(hidden=4, heads=2), epochs=2)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)

    one, same, other = (train_head(examples, replace(recipe, seed=seed)).state_dict() for seed in (0, 0, 1))

    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_rare_labels_and_small_corpora_count_as_much_as_others():
    known = clips(90, ("angry", "angry", "sad"), "large") + clips(10, ("angry", "sad"), "small")

    weights = Examples.of(vectors(known), known, balance_corpora=0.0).weights

    def total(corpus, label):
        return sum(
            float(weight)
            for weight, clip in zip(weights, known, strict=True)
            if (clip.corpus, clip.label) == (corpus, label)
        )

    assert total("large", "angry") == pytest.approx(total("large", "sad"))
    assert total("large", "sad") == pytest.approx(total("small", "sad"), rel=1e-5)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch": 0}, {"learning_rate": 0.0}, {"label_smoothing": 1.0}])
def test_numbers_that_cannot_be(wrong):
    with pytest.raises(UsageError):
        HeadRecipe(**wrong)
