"""Audio encoders in the Hugging Face Hub's format: which hidden state is pooled, and over what."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import AutoModel, Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model, WhisperFeatureExtractor

from stser_core import SpeechInput
from stser_core.config import EncoderEntry
from stser_core.encoders import load
from stser_core.encoders.hub import HubEncoder
from stser_core.errors import CheckpointError


@pytest.fixture(scope="module")
def wav2vec2(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wav2vec2")
    torch.manual_seed(0)
    shape = {"hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 16}
    shape |= {"conv_dim": (8, 8), "conv_kernel": (10, 8), "conv_stride": (5, 64)}
    shape |= {"num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
    Wav2Vec2Model(Wav2Vec2Config(**shape)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder


def noise(samples):
    return (0.1 * np.random.default_rng(samples).standard_normal(samples)).astype(np.float32)


def vector(folder, samples, **settings):
    (found,) = HubEncoder("hub", {"model": str(folder), **settings}, {}).encode([SpeechInput(samples)])
    return found


@pytest.mark.parametrize("layer", [0, 2, -1])
def test_a_hidden_state_is_pooled_by_mean_and_deviation(wav2vec2, layer):
    sound = noise(16_000)
    extractor = Wav2Vec2FeatureExtractor.from_pretrained(wav2vec2)
    with torch.no_grad():
        given = extractor(sound, sampling_rate=16_000, return_tensors="pt").input_values
        states = AutoModel.from_pretrained(wav2vec2).eval()(given, output_hidden_states=True).hidden_states[layer][0]

    found = vector(wav2vec2, sound, layer=layer)

    torch.testing.assert_close(found, torch.cat([states.mean(0), states.std(0, correction=0)]))
    torch.testing.assert_close(vector(wav2vec2, sound, layer=layer, pooling="mean"), states.mean(0))
    assert torch.isfinite(vector(wav2vec2, noise(1))).all()


def test_whispers_padding_is_left_out(tmp_path, tiny_whisper):
    """Its window is 30 s; only the utterance's own part is pooled."""
    tiny_whisper(d_model=8, encoder_layers=2, encoder_ffn_dim=16, decoder_ffn_dim=16).save_pretrained(tmp_path)
    WhisperFeatureExtractor().save_pretrained(tmp_path)
    encoder = HubEncoder("hub", {"model": str(tmp_path)}, {})

    assert encoder._frames(noise(16_000)).shape == (50, 8)
    assert encoder._frames(noise(16_001)).shape == (51, 8)
    assert encoder.vector_size == 16


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layer": 4}, "hidden states 0 to 3, not 4"),
        ({"pooling": "max"}, r"'x' could not be made .*pooling"),
        ({"layers": 2}, r"'x' could not be made .*layers"),
        ({"model": "./nothing"}, r"'x' could not be made [^\n]*$"),
    ],
)
def test_settings_that_do_not_fit(wav2vec2, settings, message):
    with pytest.raises(CheckpointError, match=message):
        load("x", EncoderEntry("hub", 16, {"model": str(wav2vec2), **settings}), {})


def test_python_without_docstrings_is_refused(monkeypatch, wav2vec2):
    monkeypatch.setattr("stser_core.encoders.hub.sys", SimpleNamespace(flags=SimpleNamespace(optimize=2)))
    with pytest.raises(CheckpointError, match="-OO"):
        HubEncoder("x", {"model": str(wav2vec2)}, {})
