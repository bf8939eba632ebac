"""How an utterance's speaker sounds, as Vosk's speaker model tells it: an x-vector (Snyder et al., 2018)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from monitor.flow import SAMPLE_RATE
from monitor.pcm import as_int16
from monitor.speakers.clustering import Voice
from monitor.transcribers import models
from stser_core.errors import TranscriberError

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAME = "vosk-model-spk-0.4"
VARIABLE = "VOSK_SPEAKER_MODEL_PATH"
_REPEATS = 3
_FILES = ("final.ext.raw", "mean.vec", "transform.mat", "mfcc.conf")


def is_speaker_model(folder: Path) -> bool:
    """Whether a folder holds a speaker model of Vosk's."""
    return all((folder / name).is_file() for name in _FILES)


def find_speaker_model() -> Path | None:
    """The speaker model in `$VOSK_SPEAKER_MODEL_PATH` or in the user's cache, or `None`.

    Raises:
        TranscriberError: The variable names a folder without one.
    """
    if variable := os.environ.get(VARIABLE):
        if not is_speaker_model(Path(variable)):
            raise TranscriberError(f"{VARIABLE} is {variable}, but there is no Vosk speaker model in it.")
        return Path(variable)
    cached = models.cache_dir() / NAME
    return cached if is_speaker_model(cached) else None


class Voices:
    """Vosk's speaker model, which works inside one of Vosk's recognisers, whatever language that one knows."""

    def __init__(self) -> None:
        """Load both models from where they are looked for.

        Raises:
            TranscriberError: One is missing, with where to get it, or cannot be loaded.
        """
        recogniser, speaker = models.find(), find_speaker_model()
        if speaker is None:
            raise TranscriberError(
                f"Telling speakers apart needs Vosk's speaker model: unpack {models.BASE_ADDRESS}{NAME}.zip "
                f"into {models.cache_dir()}, or name its folder in {VARIABLE}."
            )
        if recogniser is None:
            raise TranscriberError(
                "Telling speakers apart needs one of Vosk's recognisers, too: stser-monitor models fetch "
                f"{models.DEFAULT}, or name its folder in VOSK_MODEL_PATH."
            )
        import vosk

        vosk.SetLogLevel(-1)
        self._creating = Lock()
        self._recognizer = vosk.KaldiRecognizer
        try:
            self._model, self._speaker = vosk.Model(model_path=str(recogniser)), vosk.SpkModel(str(speaker))
        except Exception as error:
            # Vosk raises nothing narrower.
            raise TranscriberError(f"The models in {recogniser} and {speaker} cannot be loaded.") from error

    def voice(self, samples: NDArray[np.float32]) -> Voice | None:
        """How an utterance sounds, or `None` where there is too little speech in it. From any thread.

        Args:
            samples: float32 [n] in −1…1, 16 kHz.
        """
        voice = self._heard(samples)
        if voice is not None:
            return voice
        # Vosk wants half a second of speech: less is heard several times over, and counts as little as it is.
        voice = self._heard(np.tile(samples, _REPEATS))
        return None if voice is None else Voice(voice.vector, voice.frames // _REPEATS)

    def _heard(self, samples: NDArray[np.float32]) -> Voice | None:
        with self._creating:
            recognizer = self._recognizer(self._model, SAMPLE_RATE, self._speaker)
        vectors = []
        if recognizer.AcceptWaveform(as_int16(samples).tobytes()):
            vectors.append(json.loads(recognizer.Result()))
        vectors.append(json.loads(recognizer.FinalResult()))
        told = [one for one in vectors if "spk" in one]
        if not told:
            return None
        frames = [int(one["spk_frames"]) for one in told]
        mean = np.average([one["spk"] for one in told], axis=0, weights=np.maximum(frames, 1))
        return Voice(mean.astype(np.float32), sum(frames))
