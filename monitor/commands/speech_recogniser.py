"""Which speech recogniser transcribes: from `--asr` and `--asr-model` to a transcriber, and a sentence why."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.commands.fetching import fetch
from monitor.commands.notices import Notices
from stser_core.errors import DownloadError, TranscriberError

if TYPE_CHECKING:
    from monitor.transcribers import Transcriber

VOSK = "vosk"
NONE = "none"
_NEEDS_NO_WORDS = "speech"


def choose(asr: str, model: str | None, notices: Notices) -> Transcriber:
    """Find a recogniser, fetch its model where it is missing, and say which one it is and why.

    Args:
        asr: `auto`, `vosk` or `none`. With `auto`, no model and no network, nothing is transcribed.
        model: A model's name or folder; without it, `$VOSK_MODEL_PATH`, the cache and the network are tried.
        notices: Where to say it.

    Raises:
        TranscriberError: A model that was named is missing or broken.
        DownloadError: `vosk` was asked for, and its model can be neither found nor fetched.
    """
    from monitor.transcribers.none import NoTranscriber

    if asr == NONE:
        notices.say("nothing is transcribed, as --asr none says; the speech classifier alone answers.")
        return NoTranscriber()
    try:
        folder, reason = _vosk_model(model, notices)
    except DownloadError as error:
        if asr == VOSK:
            raise
        reason = str(error).rstrip(".")
        notices.say(f"without a speech recogniser ({reason}), the speech classifier alone answers.")
        return NoTranscriber()
    from monitor.transcribers.vosk import VoskTranscriber

    transcriber = VoskTranscriber(folder)
    notices.say(f"transcribing with {transcriber.name}, {reason}.")
    return transcriber


def require_words(classifiers: Sequence[str], transcriber: Transcriber) -> None:
    """Refuse to go on where no chosen classifier could ever answer, for want of words.

    Raises:
        TranscriberError: All classifiers read words, and nothing is transcribed.
    """
    if transcriber.name == NONE and _NEEDS_NO_WORDS not in classifiers:
        raise TranscriberError(
            f"The classifier {' + '.join(classifiers)} needs words, but nothing is transcribed; "
            "give a Vosk model with --asr-model, or choose --classifier speech."
        )


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
