"""Which models a command loads, and what it says of them."""

from types import SimpleNamespace

import pytest

from monitor.commands.models import choose_transcriber, require_answers
from monitor.commands.notices import Notices
from monitor.options import Asr
from monitor.transcribers import NoTranscriber, vosk_models, whisper_models
from stser_core.errors import DownloadError, MissingExtraError, TranscriberError, UsageError


def choose(asr, *, quiet=True):
    return choose_transcriber(Asr.parse(asr), Notices(quiet))


@pytest.fixture(autouse=True)
def unloaded(monkeypatch):
    """Which model is chosen matters here; loading takes seconds, and is tested with each transcriber."""

    def vosk(folder):
        return SimpleNamespace(name=f"vosk ({folder.name})")

    def whisper(folder, *, name, language):
        return SimpleNamespace(name=f"whisper ({name})", language=language)

    monkeypatch.setattr("monitor.transcribers.vosk.VoskTranscriber", vosk)
    monkeypatch.setattr("monitor.transcribers.whisper.WhisperTranscriber", whisper)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No model anywhere, and nothing that could be fetched."""
    monkeypatch.delenv("VOSK_MODEL_PATH", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(vosk_models, "cache_dir", lambda: tmp_path / "cache")

    def refuse(name):
        raise DownloadError("https://example.org/model.zip cannot be fetched (no network).")

    monkeypatch.setattr(vosk_models, "fetch", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def only_whisper(offline, whisper_model, tmp_path):
    """No Vosk model anywhere, but Whisper tiny.en in the Hub's cache."""
    snapshots = tmp_path / "hub" / "models--Systran--faster-whisper-tiny.en" / "snapshots"
    snapshots.mkdir(parents=True)
    (snapshots / "0a1b").symlink_to(whisper_model)


def said(capsys):
    return capsys.readouterr().err.splitlines()[-1]


def test_auto_goes_on_with_the_voice_alone_and_says_so(offline, capsys):
    assert choose("auto", quiet=False).name == "none"
    sentence = said(capsys)
    assert "no network" in sentence
    assert sentence.endswith("only the speech classifier is used.")


def test_auto_prefers_a_vosk_model_that_is_present(only_whisper, vosk_model, monkeypatch, capsys):
    monkeypatch.setenv("VOSK_MODEL_PATH", str(vosk_model))
    assert choose("auto", quiet=False).name == "vosk (model)"
    assert said(capsys).endswith("transcribing with vosk (model), as VOSK_MODEL_PATH says.")


def test_auto_takes_a_vosk_model_that_can_be_fetched_before_whisper(only_whisper, vosk_model, monkeypatch, capsys):
    monkeypatch.setattr(vosk_models, "fetch", lambda name: vosk_model)
    assert choose("auto", quiet=False).name == "vosk (model)"
    assert said(capsys).endswith("which was just fetched.")


def test_auto_takes_whisper_where_no_vosk_model_is_available_and_says_why(only_whisper, capsys):
    assert choose("auto", quiet=False).name == "whisper (tiny.en)"
    sentence = said(capsys)
    assert "transcribing with whisper (tiny.en), which is present, since no Vosk model is available" in sentence
    assert "no network" in sentence


@pytest.mark.parametrize(
    ("asr", "name", "language"),
    [
        ("whisper", "whisper (tiny.en)", None),
        ("whisper:en", "whisper (tiny.en)", "en"),
        ("whisper:tiny.en", "whisper (tiny.en)", None),
        ("whisper:{whisper}", "whisper (model)", None),
        ("whisper:{whisper}:yue", "whisper (model)", "yue"),
        ("vosk:{vosk}", "vosk (model)", None),
    ],
)
def test_a_model_and_a_language_follow_the_name(only_whisper, whisper_model, vosk_model, asr, name, language):
    transcriber = choose(asr.format(whisper=whisper_model, vosk=vosk_model))
    assert transcriber.name == name
    assert getattr(transcriber, "language", None) == language


@pytest.mark.parametrize(
    ("asr", "error", "words"),
    [
        ("vosk", DownloadError, "no network"),
        ("vosk:{folder}", TranscriberError, "{folder}"),
        ("whisper:{folder}", TranscriberError, "{folder}"),
        ("whisper:small", DownloadError, "Whisper small could not be downloaded"),
        ("none:en", UsageError, "none:en"),
    ],
)
def test_what_cannot_be_had_is_refused(offline, tmp_path, asr, error, words):
    folder = str(tmp_path)
    with pytest.raises(error, match=words.format(folder=folder)):
        choose(asr.format(folder=folder))


def test_without_whisper_auto_takes_none_and_the_extra_is_named(only_whisper, monkeypatch):
    monkeypatch.setattr(whisper_models, "is_available", lambda: False)
    assert choose("auto").name == "none"
    with pytest.raises(MissingExtraError, match=r"pip install 'stser-monitor\[whisper\]'"):
        choose("whisper")


class Vosk:
    name = "vosk (small)"


class Recognizer:
    """Speech needs no words, text and bimodal do."""

    name = "default"

    def __init__(self, *classifiers, calibrated=("speech", "text", "speech+text")):
        self.classifiers = classifiers
        self._calibrated = calibrated

    def answering(self, *, text):
        return tuple(name for name in self.classifiers if text or name == "speech")

    def is_calibrated(self, classifiers):
        return "+".join(sorted(classifiers)) in self._calibrated


def test_classifiers_that_only_read_words_need_a_transcriber():
    with pytest.raises(TranscriberError, match="text"):
        require_answers(Recognizer("text"), NoTranscriber(), Notices(True))


@pytest.mark.parametrize(
    ("transcriber", "calibrated", "said"),
    [
        (Vosk(), ("speech", "speech+text"), None),
        (NoTranscriber(), ("speech",), None),
        (Vosk(), ("speech",), "for the classifiers speech + text:"),
        (Vosk(), ("speech+text",), "for the classifiers speech:"),
        (Vosk(), (), "for the classifiers speech + text and for speech:"),
    ],
)
def test_a_combination_that_was_not_calibrated_is_reported_once(transcriber, calibrated, said, capsys):
    require_answers(Recognizer("speech", "text", calibrated=calibrated), transcriber, Notices(False))

    error = capsys.readouterr().err
    assert error.count("\n") == (said is not None)
    assert (said or "") in error


def test_what_follows_whisper_is_a_folder_a_model_or_a_language(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Asr.parse("whisper:de") == ("whisper", None, "de")
    assert Asr.parse("whisper:small:de") == ("whisper", "small", "de")
    (tmp_path / "de").mkdir()
    assert Asr.parse("whisper:de") == ("whisper", "de", None)
    assert Asr.parse("whisper:de:de") == ("whisper", "de", "de")
