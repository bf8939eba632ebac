"""Whose words the text model reads: the corpus's own (gold), or a recogniser's, as the monitor will have them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from stser_core.audio import SAMPLE_RATE, load_mono
from stser_core.errors import MissingExtraError, OutputError, TranscriberError, UsageError
from stser_core.files import write_whole
from stser_core.training.clip import Clip
from stser_core.training.progress import progress

Source = Literal["gold", "vosk", "whisper"]

SOURCES: tuple[Source, ...] = ("gold", "vosk", "whisper")

_Recognise = Callable[["NDArray[np.float32]"], str]


@dataclass(frozen=True)
class Words:
    """Which transcripts are used.

    Attributes:
        sources: The first is trained on; each is judged.
        model: The recogniser's model folder, where one of them is recognised.
    """

    sources: tuple[Source, ...] = ("gold",)
    model: Path | None = None


def with_transcripts(clips: Sequence[Clip], source: Source, model: Path | None, cache: Path) -> tuple[Clip, ...]:
    """Give clips the words of one source."""
    if source == "gold":
        return tuple(clips)
    model = _given(model, source)
    store = cache / f"transcripts-{source}-{hashlib.sha256(str(model.resolve()).encode()).hexdigest()[:12]}.json"
    with _locked(store):  # of several processes, one recognises and the others wait
        known = _recognised({clip.path for clip in clips if clip.path is not None}, source, model, store)
    return tuple(clip if clip.path is None else replace(clip, text=known[_key(clip.path)] or None) for clip in clips)


def need_recognisers(words: Words) -> None:
    """See before long work that the recognisers' model is there and can be loaded."""
    for source in words.sources:
        if source != "gold":
            _recognisers[source](_given(words.model, source))


def _given(model: Path | None, source: Source) -> Path:
    if model is None:
        raise UsageError(f"--transcripts {source} needs its model's folder: --asr-model DIR.")
    return model


def _locked(store: Path) -> AbstractContextManager[object]:
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(store.with_suffix(".lock")).acquire()
    except OSError as error:
        raise OutputError(f"The transcripts {store} cannot be written ({error.strerror}).") from error


def _recognised(paths: set[Path], source: Source, model: Path, store: Path) -> dict[str, str]:
    """The words of these recordings, and of all that were recognised before."""
    known: dict[str, str] = msgspec.json.decode(store.read_bytes()) if store.is_file() else {}
    missing = sorted(path for path in paths if _key(path) not in known)
    if missing:
        recognise = _recognisers[source](model)
        try:
            for path in progress(missing, f"Transcribing ({source})", len(missing)):
                known[_key(path)] = recognise(load_mono(path))
        finally:  # what was recognised before Ctrl-C or a broken recording stays
            _keep(known, store)
    return known


def _key(path: Path) -> str:
    stat = path.stat()
    return f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"


def _keep(known: dict[str, str], store: Path) -> None:
    write_whole(store, msgspec.json.encode(known))


def _vosk(folder: Path) -> _Recognise:
    import vosk

    if not (folder / "conf").is_dir() and not (folder / "am").is_dir():
        raise TranscriberError(f"{folder} is no Vosk model.")
    vosk.SetLogLevel(-1)
    model = vosk.Model(model_path=str(folder))

    def recognise(samples: NDArray[np.float32]) -> str:
        recognizer = vosk.KaldiRecognizer(model, SAMPLE_RATE)
        sound = (np.clip(samples, -1, 1) * 32_767).astype(np.int16).tobytes()
        first = json.loads(recognizer.Result())["text"] if recognizer.AcceptWaveform(sound) else ""
        return f"{first} {json.loads(recognizer.FinalResult())['text']}".strip()

    return recognise


def _whisper(folder: Path) -> _Recognise:
    try:
        from faster_whisper import WhisperModel
    except ImportError as error:
        raise MissingExtraError("--transcripts whisper", "whisper") from error
    try:
        model = WhisperModel(str(folder), device="auto", compute_type="default", local_files_only=True)
    except (RuntimeError, ValueError, OSError) as error:
        raise TranscriberError(f"{folder} is no Whisper model of faster-whisper ({error}).") from error

    def recognise(samples: NDArray[np.float32]) -> str:
        segments, _ = model.transcribe(samples, beam_size=1, temperature=0.0, condition_on_previous_text=False)
        return " ".join(segment.text.strip() for segment in segments)

    return recognise


_recognisers: dict[str, Callable[[Path], _Recognise]] = {"vosk": _vosk, "whisper": _whisper}
