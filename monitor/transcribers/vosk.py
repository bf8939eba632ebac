"""Vosk: an offline recogniser that understands while the speech goes on."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Lock, local
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.flow import SAMPLE_RATE, Transcript, Word
from monitor.samples import as_int16
from monitor.transcribers.undithered import undithered
from stser_core.errors import TranscriberError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_FULL_SCALE = 32768.0
_KEPT_FOR = 600 * SAMPLE_RATE
"""Speech after which a recogniser is replaced: it counts time in floats, and its part of the graph grows."""


def is_model(folder: Path) -> bool:
    """Whether a folder holds a Vosk model: an acoustic model and, but for the oldest layout, `conf/`."""
    in_parts = (folder / "am" / "final.mdl").is_file() and (folder / "conf").is_dir()
    flat = (folder / "final.mdl").is_file() and (folder / "mfcc.conf").is_file()
    return in_parts or flat


class _Recogniser:
    """A `vosk.KaldiRecognizer`, and how many samples it has heard: its word times go on from utterance to utterance."""

    def __init__(self, recognizer: Any) -> None:  # noqa: ANN401
        self.vosk = recognizer
        self.heard = 0


class VoskTranscriber:
    """One Vosk model for all channels; each thread keeps a recogniser from one utterance to the next.

    Keeps it, because a recogniser builds the part of the language model's graph that speech leads it through, and a
    fresh one would build it again: with Vosk's Korean model that took two thirds of the time. Features are fresh for
    each utterance, and nothing is random (see `undithered`), but what was built before may move a confidence in its
    third digit. So no two threads share a recogniser: what a channel's thread hears decides its rows, and not who was
    quicker.
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
        self._kept = local()
        try:
            with undithered(folder) as lent:
                self._model = vosk.Model(model_path=str(lent))
        except Exception as error:
            # Vosk raises nothing narrower.
            raise TranscriberError(f"The Vosk model in {folder} cannot be loaded; it may be incomplete.") from error

    def listen(self, start_s: float) -> VoskListening:
        """Begin an utterance that starts at `start_s` seconds of the recording."""
        kept: _Recogniser | None = self._kept.__dict__.pop("recogniser", None)
        return VoskListening(kept or self._created(), start_s, self._keep)

    def _created(self) -> _Recogniser:
        with self._creating:
            recognizer = self._recognizer(self._model, SAMPLE_RATE)
            recognizer.SetWords(True)
        return _Recogniser(recognizer)

    def _keep(self, recogniser: _Recogniser) -> None:
        if recogniser.heard < _KEPT_FOR:
            self._kept.recogniser = recogniser


class VoskListening:
    """One utterance in one recogniser."""

    def __init__(self, recogniser: _Recogniser, start_s: float, keep: Callable[[_Recogniser], None]) -> None:
        """Take a recogniser over, and hand it to `keep` at the end if it is fit for another utterance."""
        self._recogniser = recogniser
        self._keep = keep
        self._start_s = start_s
        self._before = recogniser.heard
        self._running = True
        self._words: list[Word] = []
        self._dither = np.random.default_rng(0)

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Hear the next piece: float32 [n] in −1…1, 16 kHz."""
        self._recogniser.heard += samples.size
        noise = self._dither.standard_normal(samples.size, dtype=np.float32) / _FULL_SCALE
        self._running = not self._recogniser.vosk.AcceptWaveform(as_int16(samples + noise).tobytes())
        if not self._running:
            # Vosk has seen an end where we have not. What it has understood so far would be lost otherwise.
            self._collect(self._recogniser.vosk.Result())

    def partial(self) -> str:
        """The words so far; the last ones may still change."""
        running = json.loads(self._recogniser.vosk.PartialResult()).get("partial", "")
        return " ".join([*(word.text for word in self._words), *running.split()])

    def finish(self) -> Transcript:
        """All words of the utterance; none where nothing was understood."""
        self._collect(self._recogniser.vosk.FinalResult())
        if self._running:
            # After an end of Vosk's own, FinalResult would leave this utterance's features for the next one.
            self._keep(self._recogniser)
        return Transcript(tuple(self._words))

    def _collect(self, result: str) -> None:
        for word in json.loads(result).get("result", ()):
            self._words.append(
                Word(word["word"], self._time(word["start"]), self._time(word["end"]), float(word["conf"]))
            )

    def _time(self, seconds: float) -> float:
        """A time of Vosk's as one of the recording, inside the utterance."""
        within = round(seconds - self._before / SAMPLE_RATE, 3)
        heard_s = (self._recogniser.heard - self._before) / SAMPLE_RATE
        return self._start_s + min(max(0.0, within), heard_s)
