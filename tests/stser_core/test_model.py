"""STSER: encoders, feature fusion and classifiers as section 3 of the paper has them."""

from __future__ import annotations

import torch
from torch import nn

from stser_core.classifiers import Classifier
from stser_core.model import Stser

TEXTS = ["hello", "i am really angry about my internet bill", "thank you so much"]
LENGTHS = (16_000, 9_000, 1_600)


def waveforms(lengths=LENGTHS):
    rng = torch.Generator().manual_seed(0)
    return [(0.1 * torch.randn(n, generator=rng)).numpy() for n in lengths]


def vectors(model: Stser, tokenizer, sounds, texts=TEXTS) -> dict[str, torch.Tensor]:
    encoded = tokenizer(texts)
    frames, counts = model.encode_frames(sounds)
    return {
        "speech": model.encode_speech(frames, counts).vector,
        "text": model.encode_text(torch.from_numpy(encoded.pieces), torch.from_numpy(encoded.mask)),
    }


def test_a_classifier_is_dense_128_64_128_4():
    layers = list(Classifier(50, 4, 0.2))

    dense = [(layer.in_features, layer.out_features) for layer in layers if isinstance(layer, nn.Linear)]
    assert dense == [(50, 128), (128, 64), (64, 128), (128, 4)]
    assert sum(isinstance(layer, nn.ReLU) for layer in layers) == 3
    assert isinstance(layers[-1], nn.Linear)


def test_the_baseline_is_subtracted_and_the_scale_divides(front_config, build):
    model = build(front_config)
    model.frame_scale.fill_(2.0)
    frames, counts = model.encode_frames(waveforms())
    baselines = torch.randn(3, 16)

    known = model.encode_speech(frames, counts, baselines).vector
    shifted = model.encode_speech(frames - baselines[:, None] + model.neutral_mean, counts).vector

    torch.testing.assert_close(known, shifted, atol=1e-4, rtol=1e-4)


def test_gradients_reach_every_weight_but_those_of_the_front_end(front_config, build, tokenizer):
    model = build(front_config).train()

    assert not any(one.requires_grad for one in model.front_end.parameters())
    logits = model.classify(vectors(model, tokenizer, waveforms()))
    sum(nn.functional.cross_entropy(one, torch.tensor([0, 1, 2])) for one in logits.values()).backward()

    silent = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    ignored = ("key.bias", "front_end.")  # a key's bias cancels out in the softmax
    assert [name for name in silent if not any(one in name for one in ignored)] == []
