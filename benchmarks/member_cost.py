"""What the member that reads Whisper's encoder costs, where Whisper transcribes anyway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.figures import Budget, Figure, missing, repeated
from benchmarks.running import cost, run_pipeline
from monitor.sources.recording import Recording

if TYPE_CHECKING:
    from benchmarks.plan import Plan
    from monitor.transcribers.whisper_models import WhisperFolder

SUBJECT = "member"
_NAME = "CPU with the member / without it"


def measure(plan: Plan) -> list[Figure]:
    """Replay a piece of the call with Whisper's words, with and without its member, in turns."""
    from stser_core.recognizer import Recognizer

    ensemble = Recognizer.load(accelerator="cpu")
    model = _model(plan, ensemble.encoders)
    if model is None:
        wanted = " or ".join(ensemble.encoders)
        return [missing(SUBJECT, _NAME, f"faster-whisper or {wanted} is not installed, and no --whisper names one")]
    from monitor.transcribers.whisper import WhisperTranscriber

    transcriber = WhisperTranscriber(model.folder, name=model.encoder, language="en")
    without = Recognizer.load(classifier="+".join(ensemble.answering()), accelerator="cpu")
    seconds = 24.0 if plan.quick else 60.0
    path = plan.piece(seconds)

    def replay(scorer: Recognizer) -> float:
        out = plan.scratch / "member.csv"
        return cost(lambda: run_pipeline(Recording(path), scorer, out, transcriber=transcriber)).cpu_s

    replay(ensemble)
    ratio, spread = repeated([replay(ensemble) / replay(without) for _ in range(plan.repeats)])
    against = f"a replay of {seconds:.0f} s of the call with {transcriber.name}, all models loaded"
    return [Figure(SUBJECT, _NAME, ratio, "×", against, Budget(1.05), spread)]


def _model(plan: Plan, encoders: tuple[str, ...]) -> WhisperFolder | None:
    from monitor.transcribers import whisper_models

    if not whisper_models.is_available():
        return None
    named = None if plan.whisper is None else whisper_models.find(str(plan.whisper))
    there = whisper_models.installed() if named is None else [named]
    return next((one for one in there if one.encoder in encoders), None)
