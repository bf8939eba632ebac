"""What replay and live listening have in common: their options, models and files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from monitor.commands.answering import require_answers
from monitor.commands.notices import Notices
from monitor.commands.speech_recogniser import NONE, choose
from monitor.exporters import Exporter
from monitor.exporters.csv import CsvExporter
from monitor.exporters.destination import STDOUT
from monitor.exporters.jsonl import JsonlExporter
from monitor.timeline.turn import Turn
from stser_core.errors import UsageError
from stser_core.scores import ENSEMBLE

if TYPE_CHECKING:
    from monitor.transcribers import Transcriber
    from stser_core.ensemble import Prior
    from stser_core.recognizer import EmotionRecognizer

_TORCH_THREADS = 1
"""Threads within one of torch's operations. An utterance is too little work to share: on two cores that others used
too, two seconds of speech took 6 ms with one thread (12 at p95), and 18 ms with two (more than a second at p95)."""


@dataclass(frozen=True)
class Analysis:
    """What the user typed about how sound becomes a timeline; the commands' help says what each means."""

    channels: str | None = None
    csv: str | None = None
    jsonl: str | None = None
    explain: bool = False
    score_agents: bool = False
    transcripts: bool = True
    checkpoint: str = "default"
    classifier: str = ENSEMBLE
    prior: Prior | Literal["checkpoint"] | None = "checkpoint"
    speaker_baseline: bool = True
    asr: str = "auto"
    asr_model: str | None = None
    language: str | None = None
    accelerator: str = "auto"
    quiet: bool = False


@dataclass(frozen=True)
class Files:
    """The exporters that were asked for."""

    csv: CsvExporter | None
    jsonl: JsonlExporter | None

    @property
    def exporters(self) -> tuple[Exporter, ...]:
        """Those that there are."""
        return tuple(exporter for exporter in (self.csv, self.jsonl) if exporter is not None)

    def begin(self) -> None:
        """Begin them all."""
        for exporter in self.exporters:
            exporter.begin()


def open_files(analysis: Analysis, cleanup: ExitStack) -> Files:
    """Check that the files can be written, and have them closed with `cleanup`.

    Raises:
        OutputError: One cannot be written.
    """
    csv = jsonl = None
    if analysis.csv is not None:
        csv = CsvExporter(analysis.csv, explain=analysis.explain)
        cleanup.callback(csv.close)
    if analysis.jsonl is not None:
        jsonl = JsonlExporter(analysis.jsonl, explain=analysis.explain)
        cleanup.callback(jsonl.close)
    return Files(csv, jsonl)


def load_models(analysis: Analysis, notices: Notices) -> tuple[EmotionRecognizer, Transcriber]:
    """Load the checkpoint and the speech recogniser.

    Raises:
        StserError: One is missing or broken, or they do not fit together, or there is no attention to explain.
    """
    with notices.working("loading the emotion model"):
        # Imported here, because torch takes a second that a wrong file name or role should not cost.
        import torch

        from stser_core.ensemble import format_prior
        from stser_core.recognizer import EmotionRecognizer

        torch.set_num_threads(_TORCH_THREADS)
        scorer = EmotionRecognizer.load(
            analysis.checkpoint,
            classifier=analysis.classifier,
            accelerator=analysis.accelerator,
            explain=analysis.explain,
            prior=analysis.prior,
            speaker_baseline=analysis.speaker_baseline,
        )
    _check_explained(analysis, scorer)
    if analysis.prior != "checkpoint":
        notices.say(f"the class prior is {format_prior(analysis.prior)}, as --prior says.")
    transcriber = choose(analysis.asr, analysis.asr_model, notices, language=analysis.language)
    require_answers(scorer, transcriber, notices)
    return scorer, transcriber


def _check_explained(analysis: Analysis, scorer: EmotionRecognizer) -> None:
    if analysis.explain and not scorer.attends:
        raise UsageError(
            f"--explain shows where the speech encoder's attention rested, but {'+'.join(scorer.classifiers)} does "
            "not use that encoder; add speech or bimodal to --classifier, joined with +."
        )


def recogniser_name(transcriber: Transcriber) -> str:
    """The speech recogniser as a screen names it."""
    return "no transcript" if transcriber.name == NONE else transcriber.name


def check_outputs(outputs: Sequence[str | None], recording: Path | None = None) -> None:
    """Two results in one place, or one in place of the recording, are a slip of the user's.

    Raises:
        UsageError: With the place.
    """
    given = [output for output in outputs if output is not None]
    places = [output if output == STDOUT else str(Path(output).resolve()) for output in given]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise UsageError(f"Two outputs would go to '{given[number]}'; give each a file of its own.")
        if recording is not None and place == str(recording.resolve()):
            raise UsageError(f"The output '{given[number]}' is the recording itself; choose another file.")


def wordless(output: Callable[[Turn], None]) -> Callable[[Turn], None]:
    """The same output without transcripts."""
    return lambda turn: output(turn.without_words())
