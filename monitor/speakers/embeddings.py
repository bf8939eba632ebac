"""Speaker embeddings: an utterance's x-vector (Snyder et al., 2018), computed by Vosk's speaker model."""

import json
import os
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.flow import SAMPLE_RATE
from monitor.samples import as_int16
from monitor.transcribers import vosk_models
from stser_core.errors import TranscriberError

NAME = "vosk-model-spk-0.4"
VARIABLE = "VOSK_SPEAKER_MODEL_PATH"
_REPEATS = 3
_FILES = ("final.ext.raw", "mean.vec", "transform.mat", "mfcc.conf")


class SpeakerEmbedding(NamedTuple):
    """The x-vector of an utterance, float32 [n], and the number of 10 ms frames that it is computed from."""

    vector: NDArray[np.float32]
    frames: int


def is_speaker_model(folder: Path) -> bool:
    """Whether a folder contains a Vosk speaker model."""
    return all((folder / name).is_file() for name in _FILES)


def find_speaker_model() -> Path | None:
    """The speaker model in `$VOSK_SPEAKER_MODEL_PATH` or in the user's cache, or `None`.

    Raises:
        TranscriberError: The variable names a folder without one.
    """
    if variable := os.environ.get(VARIABLE):
        if not is_speaker_model(Path(variable)):
            raise TranscriberError(f"{VARIABLE} is {variable}, which does not hold a Vosk speaker model.")
        return Path(variable)
    cached = vosk_models.cache_dir() / NAME
    return cached if is_speaker_model(cached) else None


class VoskEmbeddings:
    """Vosk's speaker model, which runs inside a Vosk model of any language."""

    def __init__(self) -> None:
        """Find and load both models.

        Raises:
            TranscriberError: One is missing, with where to get it, or cannot be loaded.
        """
        model, speaker_model = vosk_models.find(), find_speaker_model()
        if speaker_model is None:
            raise TranscriberError(
                f"--speakers needs Vosk's speaker model: unpack {vosk_models.BASE_ADDRESS}{NAME}.zip "
                f"into {vosk_models.cache_dir()}, or name its folder in {VARIABLE}."
            )
        if model is None:
            raise TranscriberError(
                "--speakers needs a Vosk model, too: stser-monitor models fetch "
                f"{vosk_models.DEFAULT}, or name its folder in VOSK_MODEL_PATH."
            )
        import vosk

        vosk.SetLogLevel(-1)
        self._creating = Lock()
        self._kaldi_recognizer = vosk.KaldiRecognizer
        try:
            self._model = vosk.Model(model_path=str(model))
            self._speaker_model = vosk.SpkModel(str(speaker_model))
        except Exception as error:
            # Vosk raises nothing narrower.
            raise TranscriberError(f"The models in {model} and {speaker_model} cannot be loaded.") from error

    def embed(self, samples: NDArray[np.float32]) -> SpeakerEmbedding | None:
        """The embedding of an utterance, float32 [n], or `None` where it has too little speech. From any thread."""
        embedding = self._embed(samples)
        if embedding is not None:
            return embedding
        # Vosk needs half a second of speech: less is repeated, and counts as little as it is.
        embedding = self._embed(np.tile(samples, _REPEATS))
        return None if embedding is None else SpeakerEmbedding(embedding.vector, embedding.frames // _REPEATS)

    def _embed(self, samples: NDArray[np.float32]) -> SpeakerEmbedding | None:
        with self._creating:
            recognizer = self._kaldi_recognizer(self._model, SAMPLE_RATE, self._speaker_model)
        results = []
        if recognizer.AcceptWaveform(as_int16(samples).tobytes()):
            results.append(json.loads(recognizer.Result()))
        results.append(json.loads(recognizer.FinalResult()))
        results = [one for one in results if "spk" in one]
        if not results:
            return None
        frames = [int(one["spk_frames"]) for one in results]
        mean = np.average([one["spk"] for one in results], axis=0, weights=np.maximum(frames, 1))
        return SpeakerEmbedding(mean.astype(np.float32), sum(frames))
