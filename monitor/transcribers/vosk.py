"""Vosk: an offline recogniser that understands while the speech goes on."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.flow import SAMPLE_RATE, Transcript, Word
from monitor.pcm import as_int16
from monitor.transcribers.undithered import undithered
from stser_core.errors import TranscriberError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FULL_SCALE = 32768.0


def is_model(folder: Path) -> bool:
    """Whether a folder holds a Vosk model: an acoustic model and, but for the oldest layout, `conf/`."""
    in_parts = (folder / "am" / "final.mdl").is_file() and (folder / "conf").is_dir()
    flat = (folder / "final.mdl").is_file() and (folder / "mfcc.conf").is_file()
    return in_parts or flat


class VoskTranscriber:
    """One Vosk model for all channels; each utterance gets a recogniser of its own.

    A recogniser of its own because `Reset()` does not set Vosk's word times back to zero. The same sound always
    gives the same words (see `undithered`).
    """

    def __init__(self, model_dir: str | Path) -> None:
        """Load a model, which takes about a second.

        Raises:
            TranscriberError: The folder is missing, holds no Vosk model, or one that cannot be loaded.
        """
        folder = Path(model_dir)
        # Vosk itself prints C++ messages, and may abort, on a folder that is something else.
        if not is_model(folder):
            raise TranscriberError(f"{folder} is no Vosk model (it has no am/final.mdl with conf/).")
        import vosk

        vosk.SetLogLevel(-1)
        self.name = f"vosk ({folder.resolve().name})"
        self._recognizer: Any = vosk.KaldiRecognizer
        self._creating = Lock()
        try:
            with undithered(folder) as lent:
                self._model = vosk.Model(model_path=str(lent))
        except Exception as error:
            # Vosk raises nothing narrower.
            raise TranscriberError(f"The Vosk model in {folder} cannot be loaded; it may be incomplete.") from error

    def listen(self, start_s: float) -> VoskListening:
        """Begin an utterance that starts at `start_s` seconds of the recording."""
        with self._creating:
            recognizer = self._recognizer(self._model, SAMPLE_RATE)
            recognizer.SetWords(True)
        return VoskListening(recognizer, start_s)


class VoskListening:
    """One utterance in one recogniser."""

    def __init__(self, recognizer: Any, start_s: float) -> None:  # noqa: ANN401
        """Take over a fresh `vosk.KaldiRecognizer`."""
        self._recognizer = recognizer
        self._start_s = start_s
        self._heard = 0
        self._words: list[Word] = []
        self._dither = np.random.default_rng(0)

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Hear the next piece: float32 [n] in −1…1, 16 kHz."""
        self._heard += samples.size
        noise = self._dither.standard_normal(samples.size, dtype=np.float32) / _FULL_SCALE
        if self._recognizer.AcceptWaveform(as_int16(samples + noise).tobytes()):
            # Vosk has seen an end where we have not. What it has understood so far would be lost otherwise.
            self._collect(self._recognizer.Result())

    def partial(self) -> str:
        """The words so far; the last ones may still change."""
        running = json.loads(self._recognizer.PartialResult()).get("partial", "")
        return " ".join([*(word.text for word in self._words), *running.split()])

    def finish(self) -> Transcript:
        """All words of the utterance; none where nothing was understood."""
        self._collect(self._recognizer.FinalResult())
        return Transcript(tuple(self._words))

    def _collect(self, result: str) -> None:
        for word in json.loads(result).get("result", ()):
            self._words.append(
                Word(word["word"], self._time(word["start"]), self._time(word["end"]), float(word["conf"]))
            )

    def _time(self, seconds: float) -> float:
        """A time of Vosk's as one of the recording, inside the utterance."""
        return self._start_s + min(max(0.0, seconds), self._heard / SAMPLE_RATE)
