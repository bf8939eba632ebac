"""Further encoders: of another package, as docs/encoders.md has it (a real distribution), and of the Hub's format."""

import importlib
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from transformers import AutoModel, Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model, WhisperFeatureExtractor

from stser_core import SpeechInput
from stser_core.config import ClassifierConfig, EncoderEntry
from stser_core.encoders import GROUP, load
from stser_core.encoders.hub import HubEncoder
from stser_core.errors import CheckpointError
from stser_core.recognizer import EmotionRecognizer
from stser_core.training.saving import save

DOCUMENT = Path(__file__).parents[2] / "docs" / "encoders.md"
(CODE,) = re.findall(r"^```python\n# loudness\.py\n(.*?)^```", DOCUMENT.read_text("utf-8"), re.MULTILINE | re.DOTALL)
FAULTS = """
import torch
from loudness import Loudness

class Heard(Loudness):
    def __init__(self, name, settings, weights):
        super().__init__(name, settings, weights)
        self.offset, self.texts = weights["offset"], []

    def encode(self, inputs):
        self.texts += [one.text for one in inputs]
        return super().encode(inputs)

class Narrow(Loudness):
    vector_size = 3

class Undefined(Loudness):
    def _vector(self, samples):
        return torch.full((2,), torch.nan)

class Missing(Loudness):
    def encode(self, inputs):
        return []

class Raising(Loudness):
    def encode(self, inputs):
        raise RuntimeError("no more memory")

def impossible(name, settings, weights):
    raise RuntimeError("the settings are wrong")
"""
FAULTY = ("Heard", "Narrow", "Undefined", "Missing", "Raising", "Gone", "impossible")


def install(site, name, code, *entry_points):
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (site / f"{name}.py").write_text(code)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *entry_points]))
    importlib.invalidate_caches()


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    install(tmp_path / "site", "loudness", CODE, "loudness = loudness:Loudness")
    install(tmp_path / "site", "faults", FAULTS, *(f"{name.lower()} = faults:{name}" for name in FAULTY))
    yield tmp_path / "site"
    for module in ("loudness", "faults"):
        sys.modules.pop(module, None)


@pytest.fixture
def saved(tmp_path, front_config, build, tokenizer):
    def make(kind="loudness"):
        config = replace(
            front_config,
            encoders={"level": EncoderEntry(kind, 2, {"frame": 400}, package="loudness")},
            classifiers={**front_config.classifiers, "loud": ClassifierConfig(("speech", "level"))},
        )
        save(tmp_path / "mine", build(config), tokenizer, "", encoders={"level": {"offset": torch.zeros(2)}})
        return tmp_path / "mine"

    return make


def tone(level, *text):
    return SpeechInput((level * np.sin(np.arange(16_000) / 9)).astype(np.float32), *text)


@pytest.mark.usefixtures("site")
def test_a_classifier_reads_it_beside_the_speech_vector_and_it_is_given_no_text_that_is_not_read(saved):
    recognizer = EmotionRecognizer.load(saved("heard"), accelerator="cpu")

    loud, quiet, without = recognizer.score([tone(0.9), tone(0.01), SpeechInput(np.zeros(0, np.float32), "hello")])
    recognizer.score([tone(0.5, "hello"), tone(0.5, "hello", 0.1), tone(0.5, "안녕하세요")])

    assert tuple(loud.by_classifier) == ("speech", "loud")
    assert loud.by_classifier["speech"] == pytest.approx(quiet.by_classifier["speech"], abs=1e-3)
    assert loud.by_classifier["loud"] != pytest.approx(quiet.by_classifier["loud"], abs=1e-3)
    assert tuple(without.by_classifier) == ("text",)
    assert not loud.calibrated
    assert recognizer._further[0].texts == [None, None, "hello", "hello", None, None]


def test_without_its_package_one_sentence_says_so_and_other_classifiers_answer(saved):
    folder = saved()

    with pytest.raises(CheckpointError, match=r"'level' has the type 'loudness', .* install loudness, or choose"):
        EmotionRecognizer.load(folder)
    assert EmotionRecognizer.load(folder, classifier="speech+text").score([tone(0.5)])[0] is not None


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("impossible", r"'level' could not be made \(the settings are wrong\)"),
        ("gone", r"'gone', which is faults:Gone"),
        ("narrow", r"'level' should give vectors of 2 values; .* gives 3"),
        ("undefined", r"'level' did not give each utterance a finite vector"),
        ("missing", r"'level' did not give each utterance a finite vector"),
        ("raising", r"'level' failed \(no more memory\)"),
        ("loudness", r"Several packages provide the encoder type 'loudness' .*other:Loudness"),
    ],
)
def test_a_package_that_does_not_fit_is_named(site, saved, kind, message):
    if kind == "loudness":
        install(site, "other", CODE, "loudness = other:Loudness")
    with pytest.raises(CheckpointError, match=message):
        EmotionRecognizer.load(saved(kind), accelerator="cpu").score([tone(0.5)])


# The type `hub`


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
