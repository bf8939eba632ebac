import hashlib

import pytest

from stser_core import whisper_folder


@pytest.fixture
def folder(tmp_path):
    model = tmp_path / "my-model"
    model.mkdir()
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (model / name).write_bytes(b"weights")
    return model


def test_a_model_is_told_by_its_files(folder, tmp_path):
    assert whisper_folder.is_model(folder)
    assert not whisper_folder.is_model(tmp_path)
    (folder / "tokenizer.json").unlink()
    assert not whisper_folder.is_model(folder)


def test_unknown_weights_have_their_folders_name(folder):
    assert whisper_folder.name_of(folder) == "whisper-my-model"


def test_known_weights_have_their_models_name_whatever_the_folder_is_called(folder, monkeypatch):
    monkeypatch.setattr(
        whisper_folder, "_KNOWN_WEIGHTS", {(7, hashlib.sha256(b"weights").hexdigest()): "whisper-known"}
    )
    assert whisper_folder.name_of(folder) == "whisper-known"


def test_a_folder_cannot_claim_a_known_name_with_other_weights(folder):
    claiming = folder.rename(folder.with_name("whisper-base"))
    assert whisper_folder.name_of(claiming) == "whisper-base-unverified"
