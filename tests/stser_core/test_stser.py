"""STSER: three classifiers, their fusion and their as section 3 of the paper has them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from stser_core.emotions import LABELS
from stser_core.errors import CheckpointError
from stser_core.features import pad
from stser_core.smodel import ConvSettings, SpeechSettings
from stser_core.stser import Classifier, SpeechBatch, TextBatch, probabilities
from stser_core.tmodel import TextSettings

TEXTS = ["hello", "i am really angry about my internet bill", "thank you so much"]


def speech_batch(lengths=(16_000, 9_000, 1_600)) -> SpeechBatch:
    rng = torch.Generator().manual_seed(0)
    return SpeechBatch(*pad([(0.1 * torch.randn(n, generator=rng)).numpy() for n in lengths]))


def text_batch(tokenizer, texts=TEXTS) -> TextBatch:
    encoded = tokenizer(texts)
    return TextBatch(encoded.pieces, encoded.mask)


def test_a_classifier_is_dense_128_64_128_4():
    layers = list(Classifier(50, 4, 0.2))

    dense = [(layer.in_features, layer.out_features) for layer in layers if isinstance(layer, nn.Linear)]
    assert dense == [(50, 128), (128, 64), (64, 128), (128, 4)]
    assert sum(isinstance(layer, nn.ReLU) for layer in layers) == 3
    assert isinstance(layers[-1], nn.Linear)


def test_each_classifier_reads_its_own_vector(settings, build, tokenizer):
    model = build(settings)
    out = model(speech_batch(), text_batch(tokenizer))

    assert {name: one.shape for name, one in out.logits.items()} == dict.fromkeys(
        settings.classifiers, (3, len(LABELS))
    )
    inputs = {
        "speech": out.hearing.vector,
        "text": out.text_vector,
        "bimodal": torch.cat([out.hearing.vector, out.text_vector], dim=1),
    }
    for name, vector in inputs.items():
        assert torch.allclose(out.logits[name], model.classifiers[name](vector))


def test_a_padded_batch_gives_what_each_pair_alone_gives(settings, build, tokenizer):
    model = build(settings)
    lengths = (16_000, 9_000, 1_600)
    batch = model(speech_batch(lengths), text_batch(tokenizer))
    for row, text in enumerate(TEXTS):
        samples = speech_batch(lengths).samples[row : row + 1, : lengths[row]]
        alone = model(SpeechBatch(samples, torch.tensor([lengths[row]])), text_batch(tokenizer, [text]))
        for name in settings.classifiers:
            assert torch.allclose(batch.logits[name][row], alone.logits[name][0], atol=1e-4)


def test_without_text_the_speech_classifier_is_alone(settings, build):
    out = build(settings)(speech_batch())

    assert set(out.logits) == {"speech"}
    assert out.text_vector is None


def test_without_sound_the_text_classifier_is_alone(settings, build, tokenizer):
    out = build(settings)(None, text_batch(tokenizer))

    assert set(out.logits) == {"text"}
    assert out.hearing is None


def test_spectrograms_stand_for_the_sound_they_were_made_of(settings, build):
    model, batch = build(settings), speech_batch()

    direct = model(batch)
    through = model(spectrograms=model.logmel(batch.samples, batch.lengths))

    assert torch.equal(direct.logits["speech"], through.logits["speech"])


def test_gradients_reach_every_weight(settings, build, tokenizer):
    model = build(settings).train()

    out = model(speech_batch(), text_batch(tokenizer))
    sum(nn.functional.cross_entropy(one, torch.tensor([0, 1, 2])) for one in out.logits.values()).backward()

    silent = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert [name for name in silent if "key.bias" not in name] == []  # a key's bias cancels out in the softmax


def test_calibrated_probabilities():
    logits = {"speech": torch.tensor([[2.0, 0.0, 0.0, 0.0]]), "text": torch.tensor([[0.0, 1.0, 0.0, 0.0]])}

    shares = probabilities(logits, {"speech": 2.0})

    assert shares["speech"][0].tolist() == pytest.approx([0.4754, 0.1749, 0.1749, 0.1749], abs=1e-4)
    assert shares["text"][0].tolist() == pytest.approx([0.1749, 0.4754, 0.1749, 0.1749], abs=1e-4)


def test_encoders_that_are_not_there_are_not_built(settings, build):
    speech_only = build(replace(settings, classifiers=("speech",), text=None))

    assert speech_only.tmodel is None
    assert list(speech_only.classifiers) == ["speech"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"labels": ("happy", "angry", "neutral", "sad")}, "labels are happy, angry, neutral, sad"),
        ({"labels": LABELS[:3]}, "this program's are angry, happy, neutral, sad"),
        ({"classifiers": ("speech", "face")}, "no classifier 'face'"),
        ({"classifiers": ()}, "has no classifier"),
        ({"text": None}, "text classifier lacks its encoder"),
        ({"speech": None}, "speech classifier lacks its encoder"),
        ({"speech": None, "classifiers": ("bimodal",)}, "bimodal classifier lacks its encoder"),
        ({"temperatures": {"speech": 0.0}}, "temperature of \\w+ must be above 0"),
        ({"temperatures": {"text": float("nan")}}, "temperature of \\w+ must be above 0"),
        ({"speech": SpeechSettings(blocks=(ConvSettings(2),) * 4)}, "leave nothing of a short utterance"),
        ({"speech": SpeechSettings(blocks=(ConvSettings(2, pool=(32, 1)),))}, "leave nothing of a short utterance"),
        ({"speech": SpeechSettings(blocks=(ConvSettings(2, stride=(2, 2), residual=True),))}, "residual"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change, complaint, settings, build):
    with pytest.raises(CheckpointError, match=complaint):
        build(replace(settings, **change))


def test_the_shortest_utterance_has_finite_scores(settings, build):
    deep = SpeechSettings(blocks=(ConvSettings(2),) * 3, lstm_units=8)
    model = build(replace(settings, classifiers=("speech",), text=None, speech=deep))

    assert torch.isfinite(model(speech_batch((1, 0))).logits["speech"]).all()


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_both_ways_of_pooling_the_text(settings, build, tokenizer, pooling):
    text = TextSettings(albert=settings.text.albert, pooling=pooling)
    out = build(replace(settings, text=text))(None, text_batch(tokenizer))

    assert out.text_vector.shape == (3, text.vector_size)
