"""The options that several commands share, written once: their names, values and help."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from monitor.commands.analysis import Analysis

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
    typer.Option("--explain", help="Show and write where in each turn the speech encoder's attention rested."),
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
    str,
    typer.Option(
        metavar="NAME",
        help="ensemble (all), or one or several of the checkpoint's, joined with +: speech, text, bimodal.",
    ),
]
PriorOption = Annotated[
    str | None,
    typer.Option(
        metavar="PRIOR",
        help="How often each emotion is expected, such as neutral=0.7; those not named share the rest. Default: the "
        "checkpoint's class prior of calls; even switches it off.",
    ),
]
AsrOption = Annotated[
    Asr,
    typer.Option(
        help="The speech recogniser; auto continues without words where no model is present or can be downloaded."
    ),
]
AsrModelOption = Annotated[
    str | None, typer.Option(metavar="NAME|DIR", help="The recogniser's model; see stser-monitor models.")
]
LanguageOption = Annotated[
    str | None,
    typer.Option(metavar="CODE", help="What is spoken (en, de, …), for Whisper; without it, Whisper detects it."),
]
NoSpeakerBaselineOption = Annotated[
    bool,
    typer.Option("--no-speaker-baseline", help="Score every turn by itself, without each speaker's neutral baseline."),
]
AcceleratorOption = Annotated[Accelerator, typer.Option(help="Where the emotion model runs.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Show results and errors only.")]
DebugOption = Annotated[bool, typer.Option(DEBUG, help="Show tracebacks.")]


@dataclass(frozen=True)
class Listening:
    """The options of live listening alone."""

    device: Annotated[
        str | None,
        typer.Option(
            metavar="mic|INDEX|NAME|-",
            help="Listen to a microphone: mic is the default one; else its number or a part of its name, see "
            "stser-monitor devices. - is raw 16-bit PCM from standard input.",
        ),
    ] = None
    rate: Annotated[
        int | None,
        typer.Option(metavar="HZ", min=1, help="With --device -: its sample rate; 16000 without this option."),
    ] = None
    channels_in: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="How many channels to take from the device or standard input; as many as --channels names, else 1.",
        ),
    ] = None
    reconnect: Annotated[
        bool, typer.Option("--reconnect", help="Wait for a microphone that went away, and go on with it.")
    ] = False
    alert: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE",
            help="Ring when a rule comes true: 'angry>0.7 for 2 turns', 'customer: sad>0.5'. Repeatable.",
        ),
    ] = None
    on_alert: Annotated[
        str | None,
        typer.Option(metavar="CMD", help="Run this command on an alert, with the turn as JSON on its standard input."),
    ] = None
    timings: Annotated[
        bool, typer.Option("--timings", help="At the end, print how long it took from a turn's last sound to its row.")
    ] = False


@dataclass(frozen=True)
class Hearing:
    """The options that listening, replay and archives share."""

    channels: ChannelsOption = None
    explain: ExplainOption = False
    score_agents: ScoreAgentsOption = False
    no_transcript: NoTranscriptOption = False
    checkpoint: CheckpointOption = "default"
    classifier: ClassifierOption = "ensemble"
    prior: PriorOption = None
    no_speaker_baseline: NoSpeakerBaselineOption = False
    asr: AsrOption = Asr.auto
    asr_model: AsrModelOption = None
    language: LanguageOption = None
    accelerator: AcceleratorOption = Accelerator.auto
    quiet: QuietOption = False

    def analysis(self, csv: str | None = None, jsonl: str | None = None) -> Analysis:
        """The same for the rest of the program, with the files that are written turn by turn."""
        from monitor.commands.analysis import Analysis
        from stser_core.ensemble import parse_prior

        return Analysis(
            channels=self.channels,
            csv=csv,
            jsonl=jsonl,
            explain=self.explain,
            score_agents=self.score_agents,
            transcripts=not self.no_transcript,
            checkpoint=self.checkpoint,
            classifier=self.classifier,
            prior="checkpoint" if self.prior is None else parse_prior(self.prior),
            speaker_baseline=not self.no_speaker_baseline,
            asr=self.asr.value,
            asr_model=self.asr_model,
            language=self.language,
            accelerator=self.accelerator.value,
            quiet=self.quiet,
        )
