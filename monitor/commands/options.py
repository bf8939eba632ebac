"""The options that several commands share, written once: their names, values and help."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

DEBUG = "--debug"


class Asr(str, Enum):
    """The speech recognisers."""

    auto = "auto"
    vosk = "vosk"
    whisper = "whisper"
    none = "none"


class Accelerator(str, Enum):
    """Where the model runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


ChannelsOption = Annotated[
    str | None,
    typer.Option(metavar="NAMES|mix", help="A name for each channel (customer,agent), or mix for all in one."),
]
SpeakersOption = Annotated[
    int | None,
    typer.Option(min=2, max=9, metavar="N", help="How many people share one channel: told apart by voice."),
]
CsvOption = Annotated[str | None, typer.Option(metavar="FILE", help="Write the timeline as CSV; - is standard output.")]
JsonlOption = Annotated[
    str | None, typer.Option(metavar="FILE", help="Write the timeline as JSON Lines; - is standard output.")
]
TimelineArgument = Annotated[
    Path, typer.Argument(metavar="TIMELINE", help="CSV or JSON Lines, as --csv and --jsonl write it.")
]
OutputOption = Annotated[
    str | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write; - is standard output.")
]
ExplainOption = Annotated[
    bool,
    typer.Option("--explain", help="Show and write where in each turn the speech model's attention rested."),
]
ScoreAgentsOption = Annotated[
    bool,
    typer.Option(
        "--score-agents",
        help="Also score the channel named agent. In the EU, recognising the emotions of employees at work is "
        "prohibited (AI Act, Article 5(1)(f)), save for medical or safety reasons; elsewhere other law may "
        "apply. Without this option an agent's turns are timed and transcribed only.",
    ),
]
NoTranscriptOption = Annotated[
    bool, typer.Option("--no-transcript", help="Keep what was said out of every output, screen included.")
]
CheckpointOption = Annotated[
    str, typer.Option(metavar="NAME|DIR", help="The emotion model: a name, a folder or a Hub id.")
]
ClassifierOption = Annotated[
    str, typer.Option(metavar="NAME", help="ensemble, speech, text or bimodal, or several joined by +.")
]
AsrOption = Annotated[Asr, typer.Option(help="The speech recogniser; auto goes on without one where it cannot be had.")]
AsrModelOption = Annotated[
    str | None, typer.Option(metavar="NAME|DIR", help="The recogniser's model; see stser-monitor models.")
]
LanguageOption = Annotated[
    str | None,
    typer.Option(metavar="CODE", help="What is spoken (en, de, …), for Whisper; without it, Whisper detects it."),
]
AcceleratorOption = Annotated[Accelerator, typer.Option(help="Where the emotion model runs.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Show results and errors only.")]
DebugOption = Annotated[bool, typer.Option(DEBUG, help="Show tracebacks.")]
