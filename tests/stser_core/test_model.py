"""STSER: classifiers and speaker baseline as section 3 of the paper and the architecture have them."""

from __future__ import annotations

import torch
from torch import nn

from stser_core.model import Classifier


def test_a_classifier_is_dense_128_64_128_4():
    layers = list(Classifier(50, 4, 0.2))

    dense = [(layer.in_features, layer.out_features) for layer in layers if isinstance(layer, nn.Linear)]
    assert dense == [(50, 128), (128, 64), (64, 128), (128, 4)]
    assert sum(isinstance(layer, nn.ReLU) for layer in layers) == 3
    assert isinstance(layers[-1], nn.Linear)


def test_the_baseline_is_subtracted_and_the_scale_divides(front_config, build):
    model = build(front_config)
    model.frame_scale.fill_(2.0)
    frames, counts = torch.randn(3, 25, 16), torch.tensor([25, 20, 10])
    baselines = torch.randn(3, 16)

    known = model.encode_speech(frames, counts, baselines).vector
    shifted = model.encode_speech(frames - baselines[:, None] + model.neutral_mean, counts).vector

    torch.testing.assert_close(known, shifted, atol=1e-4, rtol=1e-4)
