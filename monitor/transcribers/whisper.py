"""Whisper, through faster-whisper: it transcribes an utterance when it has ended.

Whisper (Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022) was trained on windows of
30 s, and its usual programs pad every utterance to that. An utterance is mostly 2 to 5 s long, so that nine tenths of
the work go into silence. Its encoder takes a shorter window as well, but a decoder that finds no silence after the
last word runs on and repeats itself. So this is the rule: **the window is the shortest of 10, 20 and 30 s that leaves
at least one second free**, and what is free is filled with the quietest value of the utterance's own spectrogram, as
if silence followed. docs/transcribers.md has the measurements.
"""

import copy
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.flow import SAMPLE_RATE, Transcript, Word
from monitor.transcribers.whisper_models import name_of
from stser_core.errors import MissingExtraError, TranscriberError, UsageError, reason
from stser_core.tokenizer import normalise

try:
    from ctranslate2 import StorageView, get_cuda_device_count
    from faster_whisper import WhisperModel
except ImportError as error:
    raise MissingExtraError("Whisper", "whisper") from error

_WINDOWS_S = (10, 20, 30)
_FREE_S = 1
_LONGEST = (_WINDOWS_S[-1] - _FREE_S) * SAMPLE_RATE  # samples in one window; more is transcribed piece by piece
_SHORTEST = SAMPLE_RATE // 10  # samples that a spectrogram needs
_STEP = 320  # samples behind one frame of the encoder's output, and two of the spectrogram: 20 ms
_LOG_MEL_RANGE = 2.0  # range of Whisper's spectrogram below its peak: 80 dB, in its unit of 40 dB
_FLOOR = -1.5  # the value of digital silence in Whisper's spectrogram

_NO_SPEECH = 0.6
_IMPROBABLE = -1.0
_REPETITIVE = 2.4
"""faster-whisper's own thresholds. It asks for silence *and* improbable words; here one of them is enough, which spares
most of what Whisper makes of noise (docs/transcribers.md has the measurements, and their limits)."""
_LONGEST_REPEAT = 3
_SHORTEST_WORD_S = 0.05
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


class WhisperTranscriber:
    """One Whisper model for all channels.

    Against hallucinations, text with a high no-speech probability or a low mean log probability is dropped. Repetitive
    text is decoded once more, without repetitions and from the same encoder pass, before it is dropped too.
    """

    def __init__(self, folder: str | Path, *, name: str | None = None, language: str | None = None) -> None:
        """Load a model in CTranslate2's format: int8 on a CPU, 8-bit weights with 16-bit arithmetic on a GPU, if any.

        Without a name, such as `base`, it has its folder's; without a language, such as `en`, each utterance's is
        detected. Raises `TranscriberError` where the folder holds no such model, or a damaged one, and `UsageError`
        where the model does not know the language.
        """
        try:
            self._model = _load(str(folder))
        except Exception as error:  # the tokenizers library raises nothing narrower
            raise TranscriberError(f"The Whisper model in {folder} cannot be loaded: {reason(error)}.") from error
        self.name = f"whisper ({name or name_of(Path(folder))})"
        self._language = language
        if language is not None and language not in self._model.supported_languages:
            known = ", ".join(self._model.supported_languages)
            raise UsageError(f"{self.name} does not know the language {language!r}; it knows {known}.")

    def listen(self, start_s: float) -> "WhisperStream":
        """Begin an utterance that starts at `start_s` seconds of the recording."""
        return WhisperStream(self, start_s)

    def transcribe(self, samples: NDArray[np.float32], start_s: float) -> Transcript:
        """Transcribe a whole utterance, float32 [n], that starts at `start_s` seconds of the recording."""
        words: list[Word] = []
        for piece in np.array_split(samples, max(1, -(-samples.size // _LONGEST))):
            end_s = start_s + piece.size / SAMPLE_RATE
            padded = np.pad(piece, (0, max(0, _SHORTEST - piece.size))).astype(np.float32, copy=False)
            words += _on_recording_clock(self._recognise(padded), start_s, end_s)
            start_s = end_s
        return Transcript(tuple(words))

    def _recognise(self, samples: NDArray[np.float32]) -> list[Word]:
        """Recognise what fits a window; times within it."""
        model = self._model.for_utterance(samples.size)
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
                return _without_echo(_whole_words(segment.words or (), blanks=info.language not in _WITHOUT_BLANKS))
        return []


class WhisperStream:
    """One utterance, gathered until it has ended: Whisper cannot transcribe half of one."""

    def __init__(self, transcriber: WhisperTranscriber, start_s: float) -> None:
        self._transcriber = transcriber
        self._start_s = start_s
        self._pieces = [np.zeros(0, np.float32)]

    def feed(self, samples: NDArray[np.float32]) -> None:
        """Take the next piece."""
        self._pieces.append(samples)

    def partial(self) -> str:
        """Return nothing, since Whisper gives no words before the end."""
        return ""

    def finish(self) -> Transcript:
        """End the utterance and return its words."""
        return self._transcriber.transcribe(np.concatenate(self._pieces), self._start_s)


class _OnePass(WhisperModel):  # type: ignore[misc]  # it has no types
    """A Whisper model whose encoder runs once an utterance, in a short window.

    `WhisperModel.transcribe` calls `encode` for the language and again for the words, each time with the spectrogram
    padded to 30 s. Here the first call decides, and the others get its result. An object serves one utterance;
    `for_utterance` makes one that shares everything heavy, also between threads.
    """

    _samples = 0
    _encoded: StorageView | None = None

    def for_utterance(self, samples: int) -> "_OnePass":
        """Make the same model for an utterance of so many samples, at most `_LONGEST`."""
        one = copy.copy(self)
        one._samples, one._encoded = samples, None
        return one

    def encode(self, features: NDArray[np.float32]) -> StorageView:
        """Encode the utterance's log-mel spectrogram [bands, n], with anything after the utterance's end."""
        if self._encoded is None:
            self._encoded = super().encode(in_window(features, self._samples))
        return self._encoded


def window_steps(samples: int) -> int:
    """Frames of the encoder's output, 50 a second, for an utterance of at most 29 s: the rule above."""
    needed_s = samples / SAMPLE_RATE + _FREE_S
    return next(window for window in _WINDOWS_S if needed_s <= window) * SAMPLE_RATE // _STEP


def in_window(features: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """Cut a log-mel spectrogram [bands, n] to its utterance and put silence after it: float32 [bands, window]."""
    own = min(2 * max(1, -(-samples // _STEP)), features.shape[1])
    silence = max(float(features[:, :own].max()) - _LOG_MEL_RANGE, _FLOOR)
    padded = np.full((features.shape[0], 2 * window_steps(samples)), silence, dtype=np.float32)
    padded[:, :own] = features[:, :own]
    return padded


def _load(folder: str) -> _OnePass:
    if get_cuda_device_count() > 0:
        # A GPU may lack the arithmetic, or the machine the GPU's libraries, which are loaded with the first use.
        with suppress(RuntimeError, ValueError):
            return _load_on(folder, "cuda", "int8_float16")
    return _load_on(folder, "cpu", "int8")


def _load_on(folder: str, device: str, kind: str) -> _OnePass:
    # Utterances side by side use the cores better than one utterance on all of them.
    model = _OnePass(folder, device=device, compute_type=kind, cpu_threads=1, num_workers=os.cpu_count() or 1)
    bands, expected = model.feature_extractor.mel_filters.shape[0], model.model.n_mels
    if bands != expected:
        raise ValueError(f"it needs a spectrogram of {expected} bands, but preprocessor_config.json gives {bands}")
    if device == "cuda":
        model.for_utterance(_SHORTEST).encode(np.zeros((bands, 2 * window_steps(_SHORTEST)), np.float32))
    return model


def _whole_words(recognised: Iterable[Any], *, blanks: bool) -> list[Word]:
    """Join Whisper's pieces of text to words: `ill` and `-disposed` are one, in a language that writes blanks."""
    words: list[Word] = []
    for one in recognised:
        piece = Word(one.word, float(one.start), float(one.end), float(one.probability))
        if words and blanks and not piece.text.startswith(" "):
            before = words[-1]
            confidence = min(before.confidence, piece.confidence)
            words[-1] = Word(before.text + piece.text, before.start_s, piece.end_s, confidence)
        else:
            words.append(piece)
    return [word for word in words if normalise(word.text)]


def _without_echo(words: list[Word]) -> list[Word]:
    """Drop what Whisper wrote more than once: the same words again, in no more time, at the end of the sound.

    A sentence that was said once may have its times in the first copy, in the second, or its beginning in the first
    and the rest in the second.
    """
    texts = [normalise(one.text) for one in words]
    for count in range(len(words) // 2, 2, -1):
        if texts[-2 * count : -count] != texts[-count:]:
            continue
        first, second = words[-2 * count : -count], words[-count:]
        # Seconds that are lost where the first copy is kept before a word and the second one from it on.
        lost_s = [
            (first[-1].start_s - one.start_s) + (two.start_s - second[0].start_s)
            for one, two in zip(first, second, strict=True)
        ]
        lost_s.append(lost_s[-1])  # of the last words only the starts count: one may last to the end of the sound
        at = min(range(count, -1, -1), key=lost_s.__getitem__)
        if lost_s[at] < _SHORTEST_WORD_S * count:
            return _without_echo(words[: -2 * count] + first[:at] + second[at:])
    return words


def _on_recording_clock(recognised: Iterable[Word], start_s: float, end_s: float) -> list[Word]:
    """Move words to the recording's clock, in order and inside the utterance."""
    words: list[Word] = []
    earliest = start_s
    for one in recognised:
        begins = min(max(earliest, start_s + one.start_s), end_s)
        earliest = min(max(begins, start_s + one.end_s), end_s)
        words.append(Word(one.text.strip(), begins, earliest, min(1.0, max(0.0, one.confidence))))
    return words
