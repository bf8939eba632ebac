"""Finding Whisper models in the Hub's cache."""

import importlib.util
import re

import pytest

from monitor.transcribers import whisper_models
from stser_core.errors import DownloadError, MissingExtraError, TranscriberError


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """An empty Hub cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def put(cache, folder, files=("model.bin", "config.json", "tokenizer.json")):
    snapshot = cache / f"models--{folder}" / "snapshots" / "0a1b"
    snapshot.mkdir(parents=True)
    for name in files:
        (snapshot / name).write_bytes(b"weights")
    return snapshot


def test_what_is_half_fetched_is_not_a_model(cache, tmp_path):
    put(cache, "Systran--faster-whisper-base", files=("config.json",))
    assert whisper_models.installed() == []
    assert whisper_models.find() is whisper_models.find("base") is None
    for name in (str(tmp_path), str(tmp_path / "missing"), "./missing", "my/old/missing"):
        with pytest.raises(TranscriberError, match=re.escape(name)):
            whisper_models.find(name)


def test_models_are_found_by_their_size_their_owner_or_their_folder(cache, tmp_path):
    snapshot = put(cache, "Systran--faster-whisper-small.en")
    for name in ("small.en", "whisper-small.en", "Systran/faster-whisper-small.en"):
        assert whisper_models.find(name) == ("small.en", snapshot)
    put(cache, "somebody--my-whisper-ct2")
    assert whisper_models.find("somebody/my-whisper-ct2").name == "somebody/my-whisper-ct2"
    folder = put(cache, "x--whisper").rename(tmp_path / "mine")
    assert whisper_models.find(str(folder)) == ("mine", folder)


def test_base_is_preferred_to_what_is_larger_or_smaller(cache):
    for size in ("tiny", "small", "base", "large-v3"):
        put(cache, f"Systran--faster-whisper-{size}")
    assert [one.name for one in whisper_models.installed()] == ["base", "small", "tiny", "large-v3"]
    assert whisper_models.find().name == "base"


def test_without_the_extra_nothing_is_fetched(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"\[whisper\]"):
        whisper_models.fetch("base")


def test_what_cannot_be_fetched_is_told_in_one_sentence(cache):
    pytest.importorskip("faster_whisper")
    for name, said in (("base", "Whisper base could"), ("models/mine", "models/mine is not a folder here")):
        with pytest.raises(DownloadError, match=said):
            whisper_models.fetch(name)
