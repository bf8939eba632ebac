"""Which speech recogniser transcribes: from `--asr` and `--asr-model` to a transcriber, and a sentence why."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.commands.fetching import fetch, fetch_whisper
from monitor.commands.notices import Notices
from stser_core.errors import DownloadError, MissingExtraError, UsageError

if TYPE_CHECKING:
    from monitor.transcribers import Transcriber
    from monitor.transcribers.whisper_models import WhisperFolder

AUTO = "auto"
VOSK = "vosk"
WHISPER = "whisper"
NONE = "none"


def choose(asr: str, model: str | None, notices: Notices, *, language: str | None = None) -> Transcriber:
    """Find a recogniser, fetch its model where it is missing, and say which one it is and why.

    Args:
        asr: `auto`, `vosk`, `whisper` or `none`. `auto` takes a Vosk model that is present, then one that can be
            fetched, then Whisper where it is installed, then none; a language, or a model that is Whisper's, means
            Whisper.
        model: A model's name or folder; without it, `$VOSK_MODEL_PATH`, the caches and the network are tried.
        notices: Where to say it.
        language: A code such as `en`; without it, Whisper detects the language.

    Raises:
        TranscriberError: A model that was named is missing or broken.
        DownloadError: A recogniser was asked for, and its model can be neither found nor fetched.
        MissingExtraError: `whisper` was asked for and is not installed.
        UsageError: A language for a recogniser that cannot choose one, or a model for none.
    """
    if language is not None and asr in (VOSK, NONE):
        raise UsageError(f"--language is for --asr whisper; with --asr {asr} it has no effect.")
    if model is not None and asr == NONE:
        raise UsageError("--asr-model names a recogniser's model; with --asr none it has no effect.")
    if asr == NONE:
        notices.say("nothing is transcribed, as --asr none says; only the speech classifier is used.")
        return _nobody()
    if asr == WHISPER or (asr == AUTO and (language is not None or _is_whispers(model))):
        return _whisper(model, language, notices)
    if asr == VOSK or model is not None:
        return _vosk(*_vosk_model(model, notices), notices)
    return _best(notices)


def _best(notices: Notices) -> Transcriber:
    """What `auto` takes where nothing was named."""
    from monitor.transcribers import whisper_models

    try:
        return _vosk(*_vosk_model(None, notices), notices)
    except DownloadError as error:
        reasons = str(error).rstrip(".")
    if whisper_models.is_available():
        try:
            return _whisper(None, None, notices, f"since there is no Vosk model ({reasons})")
        except DownloadError as error:
            reasons += "; " + str(error).rstrip(".")
    notices.say(f"without a speech recogniser ({reasons}), only the speech classifier is used.")
    return _nobody()


def _nobody() -> Transcriber:
    from monitor.transcribers.none import NoTranscriber

    return NoTranscriber()


def _vosk(folder: Path, reason: str, notices: Notices) -> Transcriber:
    from monitor.transcribers.vosk import VoskTranscriber

    with notices.working("loading the speech recogniser"):
        transcriber = VoskTranscriber(folder)
    return _announced(transcriber, reason, notices)


def _whisper(model: str | None, language: str | None, notices: Notices, because: str = "") -> Transcriber:
    from monitor.transcribers import whisper_models

    if not whisper_models.is_available():
        raise MissingExtraError("Whisper", "whisper")
    found, reason = _whisper_model(model, notices)
    with notices.working("loading the speech recogniser"):
        from monitor.transcribers.whisper import WhisperTranscriber

        transcriber = WhisperTranscriber(found.folder, name=found.name, language=language)
    return _announced(transcriber, ", ".join(filter(None, (reason, because))), notices)


def _announced(transcriber: Transcriber, reason: str, notices: Notices) -> Transcriber:
    notices.say(f"transcribing with {transcriber.name}, {reason}.")
    return transcriber


def _vosk_model(model: str | None, notices: Notices) -> tuple[Path, str]:
    from monitor.transcribers import models

    found = models.find(model)
    if found is None:
        return fetch(model or models.DEFAULT, notices), "which was just fetched"
    if model is not None:
        return found, "as --asr-model says"
    if os.environ.get("VOSK_MODEL_PATH"):
        return found, "as VOSK_MODEL_PATH says"
    return found, "which is in the cache"


def _whisper_model(model: str | None, notices: Notices) -> tuple[WhisperFolder, str]:
    from monitor.transcribers import whisper_models

    found = whisper_models.find(model)
    if found is None:
        return fetch_whisper(model or whisper_models.DEFAULT, notices), "which was just fetched"
    return found, "as --asr-model says" if model is not None else "which is present"


def _is_whispers(model: str | None) -> bool:
    """Whether `--asr-model` names a model of Whisper's rather than one of Vosk's."""
    from monitor.transcribers import models, whisper_models

    if model is None:
        return False
    folder = Path(model).expanduser()
    if folder.exists():
        return whisper_models.is_model(folder)
    is_vosks = model in models.KNOWN or (models.cache_dir() / model).exists()
    return not is_vosks and whisper_models.is_size(model)
