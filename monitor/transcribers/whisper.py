"""Whisper, through faster-whisper: it understands an utterance when it has ended."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from monitor.flow import SAMPLE_RATE, Transcript, Word
from monitor.transcribers.whisper_models import name_of
from monitor.transcribers.whisper_window import OnePass, audible, load, pieces
from stser_core.errors import UsageError
from stser_core.text import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_NO_SPEECH = 0.6
_IMPROBABLE = -1.0
_REPETITIVE = 2.4
"""faster-whisper's own thresholds. It asks for silence *and* improbable words; here one of them is enough, which spares
most of what Whisper makes of noise (docs/recognisers.md has the figures, and their limits)."""

_LONGEST_REPEAT = 3
_TOKENS_PER_S = 25
_MOST_TOKENS = 400
_WITHOUT_BLANKS = ("zh", "ja", "th", "lo", "my", "yue")

_DECODING: dict[str, Any] = {
    # One answer for one sound: no sampling, and nothing carried over from what was said before.
    "temperature": 0.0,
    "condition_on_previous_text": False,
    # Without time stamps in the text, all of a window is one segment, and its end is never decoded a second time.
    "without_timestamps": True,
    "word_timestamps": True,
}


class _Heard(NamedTuple):
    """A piece of text as Whisper gives it, with a blank before it where a word begins; times within the utterance."""

    text: str
    start_s: float
    end_s: float
    confidence: float


class WhisperTranscriber:
    """One Whisper model for all channels.

    Against words that nobody said: what sounds like no speech or reads improbable is dropped, and what repeats itself
    is decoded once more, without repetitions and from the same encoder pass, before it is dropped too.
    """

    def __init__(
        self, folder: str | Path, *, name: str | None = None, language: str | None = None, device: str = "auto"
    ) -> None:
        """Load a model, which takes a second or two.

        Args:
            folder: A Whisper model in CTranslate2's format.
            name: The model's name, such as `base`; without it, the folder's.
            language: A code such as `en`; without it, each utterance's language is detected.
            device: `cpu`, `cuda`, or `auto` for a GPU where there is one.

        Raises:
            TranscriberError: The folder holds no such model, or it cannot be loaded.
            UsageError: The model does not know the language.
        """
        # Utterances side by side use the cores better than one utterance on all of them.
        self._model = load(folder, device=device, workers=os.cpu_count() or 1)
        self.name = f"whisper ({name or name_of(Path(folder))})"
        self._language = language
        if language is not None and language not in self._model.supported_languages:
            known = ", ".join(self._model.supported_languages)
            raise UsageError(f"{self.name} does not know the language {language!r}; it knows {known}.")

    def listen(self, start_s: float) -> WhisperListening:
        """Begin an utterance that starts at `start_s` seconds of the recording."""
        return WhisperListening(self, start_s)

    def transcribe(self, samples: NDArray[np.float32], start_s: float) -> Transcript:
        """Understand a whole utterance.

        Args:
            samples: float32 [n] in −1…1, 16 kHz.
            start_s: Where it starts, in seconds from the start of the recording.

        Returns:
            Its words, none where there was nothing to understand.
        """
        words: list[Word] = []
        for piece in pieces(samples):
            heard = audible(piece)
            model = self._model.fresh(heard.size)
            words += _words(self._understood(model, heard), start_s, start_s + piece.size / SAMPLE_RATE)
            start_s += piece.size / SAMPLE_RATE
        return Transcript(tuple(words))

    def _understood(self, model: OnePass, samples: NDArray[np.float32]) -> list[_Heard]:
        most = min(_MOST_TOKENS, round(20 + _TOKENS_PER_S * samples.size / SAMPLE_RATE))
        for repeats in (0, _LONGEST_REPEAT):
            segments, info = model.transcribe(
                samples, language=self._language, max_new_tokens=most, no_repeat_ngram_size=repeats, **_DECODING
            )
            # There is one segment at most. To ask for a second would make Whisper decode the last silence again.
            segment = next(iter(segments), None)
            if segment is None or segment.no_speech_prob > _NO_SPEECH or segment.avg_logprob < _IMPROBABLE:
                return []
            if segment.compression_ratio <= _REPETITIVE:
                return _whole_words(segment.words or (), blanks=info.language not in _WITHOUT_BLANKS)
        return []


class WhisperListening:
    """One utterance, gathered until it has ended: Whisper cannot understand half of one."""

    def __init__(self, transcriber: WhisperTranscriber, start_s: float) -> None:
        self._transcriber = transcriber
        self._start_s = start_s
        self._pieces: list[NDArray[np.float32]] = []

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Hear the next piece: float32 [n] in −1…1, 16 kHz."""
        self._pieces.append(samples)

    def partial(self) -> str:
        """Nothing yet."""
        return ""

    def finish(self) -> Transcript:
        """All words of the utterance; none where nothing was understood."""
        samples = np.concatenate([np.zeros(0, np.float32), *self._pieces])
        return self._transcriber.transcribe(samples, self._start_s)


def _whole_words(recognised: Iterable[Any], *, blanks: bool) -> list[_Heard]:
    """Whisper's pieces of text as words: `ill` and `-disposed` are one, in a language that writes blanks."""
    words: list[_Heard] = []
    for one in recognised:
        piece = _Heard(one.word, float(one.start), float(one.end), float(one.probability))
        if words and blanks and not piece.text.startswith(" "):
            before = words[-1]
            words[-1] = _Heard(
                before.text + piece.text, before.start_s, piece.end_s, min(before.confidence, piece.confidence)
            )
        else:
            words.append(piece)
    return [word for word in words if normalise(word.text)]


def _words(heard: Iterable[_Heard], start_s: float, end_s: float) -> list[Word]:
    """The same on the recording's clock, in order and inside the utterance."""
    words: list[Word] = []
    earliest = start_s
    for one in heard:
        begins = min(max(earliest, start_s + one.start_s), end_s)
        earliest = min(max(begins, start_s + one.end_s), end_s)
        words.append(Word(one.text.strip(), begins, earliest, min(1.0, max(0.0, one.confidence))))
    return words
