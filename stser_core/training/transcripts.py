"""Whose words the text model reads: the corpus's own (gold), or a transcriber's, as the monitor will have them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from stser_core.audio import SAMPLE_RATE, load_mono
from stser_core.errors import MissingExtraError, TranscriberError, UsageError
from stser_core.training.caches import content_key
from stser_core.training.clip import Clip
from stser_core.training.output import need_folder, progress, write_atomically

GOLD = "gold"

_Transcribe = Callable[["NDArray[np.float32]"], str]


@dataclass(frozen=True)
class Words:
    """Which transcripts are used.

    Attributes:
        sources: `gold`, `vosk` or `whisper`; the first is trained on, each is evaluated.
        model: The transcriber's model folder, where one of them is transcribed.

    Raises:
        UsageError: A source is unknown, or lacks its model.
    """

    sources: tuple[str, ...] = (GOLD,)
    model: Path | None = None

    def __post_init__(self) -> None:
        for source in self.sources:
            if source != GOLD and source not in _TRANSCRIBERS:
                known = ", ".join((GOLD, *_TRANSCRIBERS))
                raise UsageError(f"Unknown transcripts {source!r}; choose from {known}.")
            if source != GOLD and self.model is None:
                raise UsageError(f"--transcripts {source} needs its model's folder: --asr-model DIR.")


def with_transcripts(clips: Sequence[Clip], source: str, words: Words, cache: Path) -> tuple[Clip, ...]:
    """Give clips the words of one source.

    Args:
        clips: Those without a recording keep their words.
        source: One of `words.sources`.
        words: Has the transcriber's model.
        cache: Where transcripts are kept.

    Raises:
        TranscriberError: The model cannot be loaded.
        AudioError: A recording cannot be decoded.
        OutputError: The cache cannot be written.
    """
    if source == GOLD or words.model is None:
        return tuple(clips)
    digest = hashlib.sha256(str(words.model.resolve()).encode()).hexdigest()
    store = cache / f"transcripts-{source}-{digest[:12]}.json"
    need_folder(cache)
    with FileLock(store.with_suffix(".lock")):  # of several processes, one transcribes and the others wait
        known = _transcribed({clip.path for clip in clips if clip.path is not None}, source, words.model, store)
    return tuple(
        clip if clip.path is None else replace(clip, text=known[content_key(clip.path)] or None) for clip in clips
    )


def need_transcribers(words: Words) -> None:
    """See before long work that the transcribers' model can be loaded.

    Raises:
        TranscriberError: It cannot.
        MissingExtraError: Its package is not installed.
    """
    for source in words.sources:
        if source != GOLD and words.model is not None:
            _TRANSCRIBERS[source](words.model)


def _transcribed(paths: set[Path], source: str, model: Path, store: Path) -> dict[str, str]:
    """The words of these recordings, and of all that were transcribed before, by their content."""
    known: dict[str, str] = msgspec.json.decode(store.read_bytes()) if store.is_file() else {}
    missing = sorted(path for path in paths if content_key(path) not in known)
    if missing:
        transcribe = _TRANSCRIBERS[source](model)
        try:
            for path in progress(missing, f"Transcribing ({source})", len(missing)):
                known[content_key(path)] = transcribe(load_mono(path))
        finally:  # what was transcribed before Ctrl-C or a broken recording stays
            write_atomically(store, msgspec.json.encode(known))
    return known


def _vosk(folder: Path) -> _Transcribe:
    import vosk

    if not (folder / "conf").is_dir() and not (folder / "am").is_dir():
        raise TranscriberError(f"{folder} is not a Vosk model.")
    vosk.SetLogLevel(-1)
    model = vosk.Model(model_path=str(folder))

    def transcribe(samples: NDArray[np.float32]) -> str:
        recognition = vosk.KaldiRecognizer(model, SAMPLE_RATE)
        sound = (np.clip(samples, -1, 1) * 32_767).astype(np.int16).tobytes()
        first = json.loads(recognition.Result())["text"] if recognition.AcceptWaveform(sound) else ""
        return f"{first} {json.loads(recognition.FinalResult())['text']}".strip()

    return transcribe


def _whisper(folder: Path) -> _Transcribe:
    try:
        from faster_whisper import WhisperModel
    except ImportError as error:
        raise MissingExtraError("--transcripts whisper", "whisper") from error
    try:
        model = WhisperModel(str(folder), device="auto", compute_type="default", local_files_only=True)
    except (RuntimeError, ValueError, OSError) as error:
        raise TranscriberError(f"{folder} is not a Whisper model of faster-whisper ({error}).") from error

    def transcribe(samples: NDArray[np.float32]) -> str:
        segments, _ = model.transcribe(samples, beam_size=1, temperature=0.0, condition_on_previous_text=False)
        return " ".join(segment.text.strip() for segment in segments)

    return transcribe


_TRANSCRIBERS: dict[str, Callable[[Path], _Transcribe]] = {"vosk": _vosk, "whisper": _whisper}
