import pytest

from monitor.commands.notices import Notices
from monitor.commands.speech_recogniser import choose, require_words
from monitor.transcribers import models
from monitor.transcribers.none import NoTranscriber
from stser_core.errors import DownloadError, TranscriberError


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No model anywhere, and nothing that could be fetched."""
    monkeypatch.delenv("VOSK_MODEL_PATH", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(models, "cache_dir", lambda: tmp_path / "cache")

    def refuse(name, progress=None):
        raise DownloadError("https://example.org/model.zip cannot be fetched (no network).")

    monkeypatch.setattr(models, "fetch", refuse)


def test_auto_goes_on_with_the_voice_alone_and_says_so(offline, capsys):
    assert choose("auto", None, Notices(False)).name == "none"
    said = capsys.readouterr().err.splitlines()
    assert "no network" in said[-1]
    assert said[-1].endswith("the speech classifier alone answers.")


def test_vosk_that_cannot_be_had_is_an_error(offline):
    with pytest.raises(DownloadError, match="no network"):
        choose("vosk", None, Notices(True))


def test_a_folder_that_is_no_model_is_an_error_even_with_auto(offline, tmp_path):
    with pytest.raises(TranscriberError, match="no Vosk model"):
        choose("auto", str(tmp_path), Notices(True))


def test_none_asks_nobody(offline, capsys):
    assert choose("none", None, Notices(True)).name == "none"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("classifiers", [("text",), ("bimodal",), ("text", "bimodal")])
def test_classifiers_that_only_read_words_need_a_recogniser(classifiers):
    with pytest.raises(TranscriberError, match="needs words"):
        require_words(classifiers, NoTranscriber())


def test_the_speech_classifier_needs_no_words():
    require_words(("speech", "text"), NoTranscriber())
