"""Word error rate of each recogniser that is there.

References are a folder with `refs.csv`: the columns `path`, from the folder, and `transcript`, in English; others are
ignored.
"""

from __future__ import annotations

import csv
import importlib.util
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.figures import Figure, missing
from benchmarks.running import cost
from monitor.flow import SAMPLE_RATE
from stser_core.audio import load_mono
from stser_core.errors import StserError
from stser_core.text import normalise

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.plan import Plan
    from monitor.transcribers import Transcriber

SUBJECT = "words"
_NAME = "word error rate"
_QUICK = 8
_AFTER = np.zeros(SAMPLE_RATE // 4, dtype=np.float32)


def measure(plan: Plan) -> list[Figure]:
    """Have every recogniser understand every clip."""
    if plan.references is None:
        return [missing(SUBJECT, _NAME, "no --references: a folder with clips and refs.csv (path,transcript)")]
    if importlib.util.find_spec("jiwer") is None:
        return [missing(SUBJECT, _NAME, "the package jiwer is not installed")]
    said, clips = read(plan.references)
    if plan.quick:
        said, clips = said[:_QUICK], clips[:_QUICK]
    figures = []
    for name, transcriber in _recognisers().items():
        if isinstance(transcriber, str):
            figures.append(missing(SUBJECT, f"{name}: {_NAME}", transcriber))
        else:
            figures += _figures(transcriber, said, clips)
    return figures


def read(folder: Path) -> tuple[list[str], list[NDArray[np.float32]]]:
    """What is said in each clip, normalised, and its sound.

    Raises:
        StserError: There is no `refs.csv`, it has other columns, or a clip cannot be read.
    """
    try:
        with (folder / "refs.csv").open(encoding="utf-8", newline="") as file:
            rows = [(row["path"], row["transcript"]) for row in csv.DictReader(file)]
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise StserError(f"{folder} holds no refs.csv with the columns path and transcript ({error}).") from error
    return [normalise(text) for _, text in rows], [load_mono(folder / path) for path, _ in rows]


def _recognisers() -> dict[str, Transcriber | str]:
    """Those that are there, and why the others are not."""
    from monitor.transcribers import models, whisper_models

    there: dict[str, Transcriber | str] = {"Vosk": "no Vosk model for English is in the cache"}
    folder = models.find(None)
    if folder is not None:
        from monitor.transcribers.vosk import VoskTranscriber

        there["Vosk"] = VoskTranscriber(folder)
    if not whisper_models.is_available() or not whisper_models.installed():
        return {**there, "Whisper": "faster-whisper or a model for it is not installed"}
    from monitor.transcribers.whisper import WhisperTranscriber

    return {
        **there,
        **{
            f"whisper-{one.name}": WhisperTranscriber(one.folder, name=one.name, language="en")
            for one in whisper_models.installed()
        },
    }


def _figures(transcriber: Transcriber, said: list[str], clips: list[NDArray[np.float32]]) -> list[Figure]:
    import jiwer

    heard: list[str] = []
    used = cost(lambda: heard.extend(_understood(transcriber, clip) for clip in clips))
    seconds = sum(map(len, clips)) / SAMPLE_RATE
    against = f"{len(clips)} clips, {seconds:.0f} s, {sum(len(text.split()) for text in said)} words"
    return [
        Figure(SUBJECT, f"{transcriber.name}: {_NAME}", 100 * jiwer.wer(said, heard), "%", against),
        Figure(SUBJECT, f"{transcriber.name}: CPU / seconds of sound", used.cpu_s / seconds, "×", against),
    ]


def _understood(transcriber: Transcriber, clip: NDArray[np.float32]) -> str:
    listening = transcriber.listen(0.0)
    listening.feed(np.concatenate([clip, _AFTER]))
    transcript = listening.finish()
    return "" if transcript is None else normalise(transcript.text)
