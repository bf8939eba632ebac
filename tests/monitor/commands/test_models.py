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
        return SimpleNamespace(name=f"vosk ({folder.name})", language=None)

    def loaded(folder, *, name, language):
        return SimpleNamespace(name=f"whisper ({name})", language=language)

    monkeypatch.setattr("monitor.transcribers.vosk.VoskTranscriber", vosk)
    monkeypatch.setattr("monitor.transcribers.whisper.WhisperTranscriber", loaded)


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
def whisper(offline, whisper_model, tmp_path):
    """Whisper tiny.en in the Hub's cache."""
    snapshots = tmp_path / "hub" / "models--Systran--faster-whisper-tiny.en" / "snapshots"
    snapshots.mkdir(parents=True)
    (snapshots / "0a1b").symlink_to(whisper_model)


@pytest.fixture
def named(monkeypatch, vosk_model):
    monkeypatch.setenv("VOSK_MODEL_PATH", str(vosk_model))


@pytest.fixture
def fetched(monkeypatch, vosk_model):
    monkeypatch.setattr(vosk_models, "fetch", lambda name: vosk_model)


@pytest.mark.parametrize(
    ("there", "name", "words"),
    [
        ([], "none", ("no network", "only the speech classifier is used.")),
        (["whisper"], "whisper (tiny.en)", ("which is present, since no Vosk model is available", "no network")),
        (["whisper", "fetched"], "vosk (model)", ("which was just fetched.",)),
        (["whisper", "fetched", "named"], "vosk (model)", ("as VOSK_MODEL_PATH says.",)),
    ],
)
def test_auto_takes_vosk_before_whisper_before_none_and_says_why(offline, there, name, words, request, capsys):
    for one in there:
        request.getfixturevalue(one)
    assert choose("auto", quiet=False).name == name
    sentence = capsys.readouterr().err.splitlines()[-1]
    assert f"transcribing with {name}" in sentence or name == "none"
    assert all(word in sentence for word in words)


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
def test_a_model_and_a_language_follow_the_name(whisper, whisper_model, vosk_model, asr, name, language):
    transcriber = choose(asr.format(whisper=whisper_model, vosk=vosk_model))
    assert (transcriber.name, transcriber.language) == (name, language)


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


def test_without_whisper_auto_takes_none_and_the_extra_is_named(whisper, monkeypatch):
    monkeypatch.setattr(whisper_models, "is_available", lambda: False)
    assert choose("auto").name == "none"
    with pytest.raises(MissingExtraError, match=r"pip install 'stser-monitor\[whisper\]'"):
        choose("whisper")


VOSK = SimpleNamespace(name="vosk (small)")


def recognizer(*classifiers, calibrated=()):
    """Speech needs no words, text and bimodal do."""
    return SimpleNamespace(
        name="default",
        classifiers=classifiers,
        answering=lambda text: tuple(one for one in classifiers if text or one == "speech"),
        is_calibrated=lambda some: "+".join(some) in calibrated,
    )


def test_classifiers_that_only_read_words_need_a_transcriber():
    with pytest.raises(TranscriberError, match="text"):
        require_answers(recognizer("text"), NoTranscriber(), Notices(True))


@pytest.mark.parametrize(
    ("transcriber", "calibrated", "said"),
    [
        (VOSK, ("speech", "speech+text"), None),
        (NoTranscriber(), ("speech",), None),
        (VOSK, ("speech",), "for the classifiers speech + text:"),
        (VOSK, ("speech+text",), "for the classifiers speech:"),
        (VOSK, (), "for the classifiers speech + text and for speech:"),
    ],
)
def test_a_combination_that_was_not_calibrated_is_reported_once(transcriber, calibrated, said, capsys):
    require_answers(recognizer("speech", "text", calibrated=calibrated), transcriber, Notices(False))

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
