"""Heads: what each family computes."""

from __future__ import annotations

import pytest
import torch

from stser_core.errors import UsageError
from stser_core.members.heads import FAMILIES, FourierFeatures, Head, HeadSettings


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("heads", [1, 3])
def test_every_family_judges_a_batch(family, heads):
    torch.manual_seed(0)
    head = Head(8, HeadSettings(family, hidden=5, features=16, heads=heads)).eval()

    logits = head(torch.randn(7, 8))

    assert logits.shape == (7, 4)
    assert logits.isfinite().all()


def test_several_heads_answer_with_their_mean_probabilities():
    torch.manual_seed(0)
    head = Head(8, HeadSettings("linear", heads=3)).eval()
    vectors = torch.randn(5, 8)

    mean = torch.stack([one(vectors).softmax(dim=1) for one in head.heads]).mean(dim=0)

    torch.testing.assert_close(head(vectors).softmax(dim=1), mean)


def test_vectors_are_standardised_by_those_of_the_training():
    torch.manual_seed(0)
    vectors = torch.randn(50, 3) * torch.tensor([1.0, 10.0, 0.0]) + torch.tensor([0.0, 100.0, 7.0])
    plain, shifted = Head(3, HeadSettings("linear")), Head(3, HeadSettings("linear"))
    shifted.load_state_dict(plain.state_dict())
    plain.standardise_by(vectors)
    shifted.standardise_by(vectors * 5 - 3)

    torch.testing.assert_close(plain(vectors), shifted(vectors * 5 - 3), atol=1e-4, rtol=1e-4)


def test_fourier_features_approach_the_radial_kernel():
    torch.manual_seed(0)
    features = FourierFeatures(inputs=10, features=20_000, gamma=0.7)
    one, other = torch.randn(2, 10)

    kernel = torch.exp(-0.7 * (one - other).square().sum() / 10)

    assert float(features(one[None]) @ features(other[None]).T) == pytest.approx(float(kernel), abs=0.02)


@pytest.mark.parametrize(
    "wrong", [{"features": 0}, {"family": "forest"}, {"gamma": 0.0}, {"heads": 0}, {"dropout": 1.0}, {"hidden": 0}]
)
def test_shapes_that_cannot_be(wrong):
    with pytest.raises(UsageError):
        HeadSettings(**wrong)
