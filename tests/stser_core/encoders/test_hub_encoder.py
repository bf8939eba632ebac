"""Audio encoders in the Hugging Face Hub's format: which hidden state is pooled, and over what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model, WhisperFeatureExtractor

from stser_core import SpeechInput, checkpoint
from stser_core.config import ClassifierConfig, EncoderEntry
from stser_core.encoders import load
from stser_core.encoders.hub import HubEncoder, HubSettings
from stser_core.errors import CheckpointError
from stser_core.recognizer import EmotionRecognizer


@pytest.fixture(scope="module")
def wav2vec2(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wav2vec2")
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=8,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8, 8),
        conv_kernel=(10, 8),
        conv_stride=(5, 64),
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
    )
    Wav2Vec2Model(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def whisper(tmp_path_factory, tiny_whisper) -> Path:
    folder = tmp_path_factory.mktemp("whisper")
    tiny_whisper(d_model=8, encoder_layers=2, encoder_ffn_dim=16, decoder_ffn_dim=16).save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    return folder


def noise(samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(samples).standard_normal(samples)).astype(np.float32)


def vector(folder: Path, samples: np.ndarray, **settings: object) -> torch.Tensor:
    (found,) = HubEncoder("hub", HubSettings(str(folder), **settings)).encode([SpeechInput(samples)])
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


def test_whispers_padding_is_left_out(whisper):
    """Its window is 30 s; only the utterance's own part is pooled."""
    encoder = HubEncoder("hub", HubSettings(str(whisper)))

    assert encoder._frames(noise(16_000)).shape == (50, 8)
    assert encoder._frames(noise(16_001)).shape == (51, 8)
    assert encoder.vector_size == 16


def test_a_short_utterance_has_a_vector_and_none_has_none(wav2vec2):
    assert torch.isfinite(vector(wav2vec2, noise(1))).all()
    assert vector(wav2vec2, noise(0)) is None


def test_a_classifier_reads_it(wav2vec2, tmp_path, config, build):
    entry = EncoderEntry("hub", 16, {"model": str(wav2vec2), "layer": 2})
    whole = replace(
        config,
        smodel=None,
        tmodel=None,
        encoders={"wav2vec2": entry},
        classifiers={"wav2vec2": ClassifierConfig(("wav2vec2",))},
    )
    checkpoint.save(tmp_path / "mine", build(whole), None, "")

    recognizer = EmotionRecognizer.load(tmp_path / "mine", accelerator="cpu")
    first, second = recognizer.score([SpeechInput(noise(16_000)), SpeechInput(noise(0))])

    assert tuple(first.by_classifier) == ("wav2vec2",)
    assert second is None
    assert not recognizer.attends


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layer": 4}, "hidden states 0 to 3, not 4"),
        ({"pooling": "max"}, "settings of the encoder 'x' do not fit"),
        ({"layers": 2}, "settings of the encoder 'x' do not fit"),
    ],
)
def test_settings_that_do_not_fit(wav2vec2, settings, message):
    with pytest.raises(CheckpointError, match=message):
        load("x", EncoderEntry("hub", 16, {"model": str(wav2vec2), **settings}), {})


def test_an_encoder_that_is_not_there(tmp_path):
    with pytest.raises(CheckpointError, match="could not be loaded") as raised:
        HubEncoder("x", HubSettings(str(tmp_path / "nothing")))
    assert "\n" not in str(raised.value)
