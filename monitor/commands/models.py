"""Loads the models of a command: the emotion model, and a transcriber with the reason for the choice."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from monitor.commands.notices import Notices
from monitor.flow import SAMPLE_RATE
from monitor.options import Asr, RecordingOptions, ScoringOptions, TranscriptionOptions
from monitor.pipeline.opening import Models
from monitor.transcribers import NoTranscriber, Transcriber, whisper_models
from monitor.transcribers.whisper_models import WhisperFolder
from stser_core.errors import DownloadError, MissingExtraError, TranscriberError, UsageError
from stser_core.scores import SpeechInput

if TYPE_CHECKING:
    from stser_core.recognizer import EmotionRecognizer

_TORCH_THREADS = 1
"""Threads within one of torch's operations. An utterance is too little work to share: on two cores that others used
too, two seconds of speech took 6 ms with one thread (12 at p95), and 18 ms with two (more than a second at p95)."""

_WARM_UP_S = (1.0, 4.0)
_USUAL = RecordingOptions()


def load_models(
    scoring: ScoringOptions, transcription: TranscriptionOptions, notices: Notices, recording: RecordingOptions = _USUAL
) -> Models:
    """Load the checkpoint, the transcriber, and with `--speakers` the speaker model.

    Raises:
        StserError: One is missing or broken, they do not fit together, or no attention can be explained.
    """
    from monitor.speakers import VoskEmbeddings
    from stser_core.ensemble import format_prior, parse_prior

    asr = transcription.transcriber()
    extractor = None if recording.speakers is None else VoskEmbeddings()
    prior = None if scoring.prior is None else parse_prior(scoring.prior)
    with notices.working("loading the emotion model"):
        from stser_core.recognizer import EmotionRecognizer

        if scoring.runtime == "torch":
            # Imported here, because it takes a second that a wrong file name or role should not cost.
            import torch

            torch.set_num_threads(_TORCH_THREADS)
        recognizer = EmotionRecognizer.load(
            scoring.checkpoint,
            explain=recording.explain,
            prior="checkpoint" if scoring.prior is None else prior,
            runtime=scoring.runtime,
            text=asr.name != "none",
        )
    if recording.explain and not recognizer.attends:
        raise UsageError(
            f"--explain shows where the speech encoder's attention rested, but the checkpoint {recognizer.name} does "
            "not use that encoder."
        )
    if scoring.prior is not None:
        notices.say(f"the class prior is {format_prior(prior)}, as --prior says.")
    transcriber = choose_transcriber(asr, notices)
    require_answers(recognizer, transcriber, notices)
    return Models(recognizer, transcriber, extractor)


def require_answers(recognizer: EmotionRecognizer, transcriber: Transcriber, notices: Notices) -> None:
    """Stop where no classifier could ever answer, and report a combination that was not calibrated.

    Raises:
        TranscriberError: All classifiers of the checkpoint need words, and nothing is transcribed.
    """
    answering = recognizer.answering(text=transcriber.name != "none")
    if not answering:
        raise TranscriberError(
            f"The checkpoint {recognizer.name} needs words ({' + '.join(recognizer.classifiers)}), but nothing is "
            "transcribed; choose a transcriber with --asr."
        )
    combinations = dict.fromkeys((answering, recognizer.answering(text=False)))
    uncalibrated = [" + ".join(one) for one in combinations if one and not recognizer.is_calibrated(one)]
    if uncalibrated:
        notices.say(
            f"the checkpoint {recognizer.name} is not calibrated for the classifiers {' and for '.join(uncalibrated)}: "
            "their probabilities may be too sure or not sure enough."
        )


def warm_up(scorer: EmotionRecognizer, transcriber: Transcriber) -> None:
    """Run both models on noise, so that the first turn is not slow, and leave what is there now out of collections."""
    for seconds in _WARM_UP_S:
        noise = np.random.default_rng(0).normal(0, 0.05, round(seconds * SAMPLE_RATE)).astype(np.float32)
        scorer.score([SpeechInput(noise), SpeechInput(noise, "hello there", 1.0)])
    transcription = transcriber.listen(0.0)
    transcription.feed(noise[:SAMPLE_RATE])
    transcription.finish()
    gc.freeze()  # a collection that goes through all modules takes 0.1 s, in which no other thread runs


def choose_transcriber(asr: Asr, notices: Notices) -> Transcriber:
    """Choose a transcriber, fetch its model where it is missing, and say which one it is and why.

    `auto` takes a Vosk model that is present, then one that can be fetched, then Whisper where it is installed, then
    none. Without a model, `$VOSK_MODEL_PATH`, the caches and the network are tried.

    Raises:
        StserError: A model that was named or asked for is missing, broken or cannot be fetched.
    """
    if asr.name == "none":
        notices.say("nothing is transcribed, as --asr none says; only the speech classifier is used.")
        return NoTranscriber()
    if asr.name == "whisper":
        return _whisper(asr, notices)
    try:
        return _vosk(asr, notices)
    except DownloadError as error:
        if asr.name == "vosk":
            raise
        reasons = str(error).rstrip(".")
    if whisper_models.is_available():
        try:
            return _whisper(Asr("whisper"), notices, f"since no Vosk model is available ({reasons})")
        except DownloadError as error:
            reasons += "; " + str(error).rstrip(".")
    notices.say(f"without a transcriber ({reasons}), only the speech classifier is used.")
    return NoTranscriber()


def _vosk(asr: Asr, notices: Notices) -> Transcriber:
    from monitor.transcribers import vosk_models

    folder = vosk_models.find(asr.model)
    reason = "which is in the cache"
    if folder is None:
        folder, reason = fetch(asr.model or vosk_models.DEFAULT, notices), "which was just fetched"
    elif asr.model is not None:
        reason = "as --asr says"
    elif os.environ.get("VOSK_MODEL_PATH"):
        reason = "as VOSK_MODEL_PATH says"
    with notices.working("loading the transcriber"):
        from monitor.transcribers.vosk import VoskTranscriber

        transcriber = VoskTranscriber(folder)
    notices.say(f"transcribing with {transcriber.name}, {reason}.")
    return transcriber


def _whisper(asr: Asr, notices: Notices, because: str = "") -> Transcriber:
    if not whisper_models.is_available():
        raise MissingExtraError("Whisper", "whisper")
    found = whisper_models.find(asr.model)
    reason = "which is present" if asr.model is None else "as --asr says"
    if found is None:
        found, reason = fetch_whisper(asr.model or whisper_models.DEFAULT, notices), "which was just fetched"
    with notices.working("loading the transcriber"):
        from monitor.transcribers.whisper import WhisperTranscriber

        transcriber = WhisperTranscriber(found.folder, name=found.name, language=asr.language)
    notices.say(f"transcribing with {transcriber.name}, {', '.join(filter(None, (reason, because)))}.")
    return transcriber


def fetch(name: str, notices: Notices) -> Path:
    """Fetch a Vosk model into the user's cache; see `vosk_models.fetch`."""
    from monitor.transcribers import vosk_models

    notices.say(f"fetching {name}.")
    with notices.working(f"fetching {name}"):
        return vosk_models.fetch(name)


def fetch_whisper(name: str, notices: Notices) -> WhisperFolder:
    """Fetch a Whisper model into the Hugging Face Hub's cache; see `whisper_models.fetch`. Large ones take minutes."""
    notices.say(f"fetching Whisper {whisper_models.size_of(name)} from the Hugging Face Hub.")
    return whisper_models.fetch(name)
