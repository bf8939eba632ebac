"""The options of the commands, each declared once: used by Typer, passed on as they are, and kept in `archive.json`.

A command takes the dataclasses below as arguments (`stser_core.command_line`): a field is an option, its annotation
the option's help and bounds, its default the option's default. A further option goes into the class of its concern.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from typer import Argument, Option

from monitor.segmenter.settings import SegmenterSettings, Sensitivity
from stser_core.errors import UsageError

_LANGUAGE = re.compile("[a-z]{2,3}")

NoTranscript = Annotated[
    bool, Option("--no-transcript", help="Keep what was said out of every output, including the screen.")
]


class Asr(NamedTuple):
    """A transcriber (auto, vosk, whisper, none); for vosk and whisper a model, and for whisper the language spoken."""

    name: str
    model: str | None = None
    language: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Asr":
        """The transcriber that `--asr` names, such as `whisper:small:de`.

        Raises:
            UsageError: There is no such transcriber, or it takes no model.
        """
        name, colon, model = text.partition(":")
        if name not in ("auto", "vosk", "whisper", "none"):
            raise UsageError(f"--asr is '{text}'; choose auto, vosk, whisper or none.")
        if colon and name in ("auto", "none"):
            raise UsageError(f"--asr is '{text}', but {name} takes no model; vosk and whisper do.")
        if colon and not model:
            raise UsageError(f"--asr is '{text}'; a model has to follow the colon.")
        before, colon, language = model.rpartition(":")
        if name != "whisper" or Path(model).is_dir():
            return cls(name, model or None)
        if _LANGUAGE.fullmatch(language):
            return cls(name, before or None, language)
        if colon and not Path(model).is_absolute():
            raise UsageError(f"--asr is '{text}'; after a second colon comes a language of two or three letters (de).")
        return cls(name, model or None)


@dataclass(frozen=True)
class ScoringOptions:
    """Options of scoring, for live monitoring and recordings."""

    channels: Annotated[
        str | None,
        Option(
            metavar="NAMES|mix",
            help="A name for each channel (customer,agent), or mix for all in one (not with serve).",
        ),
    ] = None
    score_agents: Annotated[
        bool,
        Option(
            "--score-agents",
            help="Also score the channel named agent. In the EU, recognising the emotions of employees at work is "
            "prohibited (AI Act, Article 5(1)(f)), save for medical or safety reasons; elsewhere other law may "
            "apply. Without this option an agent's turns are timed and transcribed only.",
        ),
    ] = False
    checkpoint: Annotated[str, Option(metavar="NAME|DIR", help="The emotion model: a name, a folder or a Hub id.")] = (
        "default"
    )
    runtime: Annotated[
        Literal["torch", "onnx"],
        Option(
            help="What computes the emotion model: torch, or ONNX Runtime on the CPU, which starts faster and needs "
            "less memory (extra onnx)."
        ),
    ] = "torch"
    prior: Annotated[
        str | None,
        Option(
            metavar="PRIOR",
            help="How often each emotion is expected, such as neutral=0.7; those not named share the rest. Default: "
            "the checkpoint's class prior of calls; even switches it off.",
        ),
    ] = None


@dataclass(frozen=True)
class SegmentationOptions:
    """Options for dividing speech into turns."""

    pause: Annotated[float, Option(metavar="SECONDS", help="Silence that ends a turn, 0.2 to 3.")] = 0.5
    sensitivity: Annotated[
        Sensitivity,
        Option(
            help="How readily sound counts as speech: high also finds answers as short as yes, and some coughs; low "
            "leaves out what is short or faint."
        ),
    ] = "normal"

    def __post_init__(self) -> None:
        """Refuse a pause that is out of bounds."""
        self.settings()

    def settings(self) -> SegmenterSettings:
        """The same for the segmenter."""
        return SegmenterSettings(pause_s=self.pause, sensitivity=self.sensitivity)


@dataclass(frozen=True)
class RecordingOptions:
    """Options of scoring recordings: `replay` and `archive`."""

    speakers: Annotated[
        int | None, Option(min=2, max=9, metavar="N", help="Number of speakers on one channel, which are diarized.")
    ] = None
    track: Annotated[
        str | None,
        Option(
            metavar="N|all",
            help="Which audio track, of several: by default the one marked as default; all makes them channels.",
        ),
    ] = None
    explain: Annotated[
        bool, Option("--explain", help="Show and write where in each turn the speech encoder's attention rested.")
    ] = False


@dataclass(frozen=True)
class TranscriptionOptions:
    """Options of transcription."""

    asr: Annotated[
        str,
        Option(
            metavar="NAME[:MODEL][:LANGUAGE]",
            help="The transcriber (speech recogniser): auto, none, vosk[:MODEL] or whisper[:MODEL][:LANGUAGE], such as "
            "vosk:FOLDER or whisper:small:de. stser-monitor models lists the models. Whisper detects the language by "
            "default; auto continues without words if no model is available.",
        ),
    ] = "auto"
    no_transcript: NoTranscript = False

    def __post_init__(self) -> None:
        """Refuse a transcriber that does not exist."""
        self.transcriber()

    def transcriber(self) -> Asr:
        """The transcriber and what is to be used of it."""
        return Asr.parse(self.asr)


@dataclass(frozen=True)
class AnalysisOptions:
    """All that the rows of a recording depend on besides itself: `replay` and `archive`."""

    scoring: ScoringOptions = ScoringOptions()
    segmentation: SegmentationOptions = SegmentationOptions()
    recording: RecordingOptions = RecordingOptions()
    transcription: TranscriptionOptions = TranscriptionOptions()


@dataclass(frozen=True)
class OutputOptions:
    """Files to which turns are written as they come."""

    csv: Annotated[str | None, Option(metavar="FILE", help="Write the timeline as CSV; - is standard output.")] = None
    jsonl: Annotated[
        str | None, Option(metavar="FILE", help="Write the timeline as JSON Lines; - is standard output.")
    ] = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Those that are given."""
        return tuple(path for path in (self.csv, self.jsonl) if path is not None)


@dataclass(frozen=True)
class AlertOptions:
    """Options of alerts, for live monitoring."""

    alert: Annotated[
        list[str] | None,
        Option(
            metavar="RULE",
            help="Alert when a rule comes true: 'angry>0.7 for 2 turns', 'customer: sad>0.5'. Repeatable.",
        ),
    ] = None
    on_alert: Annotated[
        str | None,
        Option(metavar="CMD", help="Run this command on an alert, with the turn as JSON on its standard input."),
    ] = None


@dataclass(frozen=True)
class ListenOptions:
    """All that live monitoring is told."""

    device: Annotated[
        str | None,
        Option(
            metavar="mic|INDEX|NAME|-[:HZ]",
            help="Listen to a microphone: mic is the default one; else its number or a part of its name, see "
            "stser-monitor devices. - is raw 16-bit PCM from standard input, with as many channels as --channels "
            "names, at 16000 Hz or another rate, such as -:8000.",
        ),
    ] = None
    overwrite: Annotated[
        bool, Option("--overwrite", help="Replace the files of --csv and --jsonl instead of appending to them.")
    ] = False
    scoring: ScoringOptions = ScoringOptions()
    segmentation: SegmentationOptions = SegmentationOptions()
    transcription: TranscriptionOptions = TranscriptionOptions()
    output: OutputOptions = OutputOptions()
    alerts: AlertOptions = AlertOptions()


@dataclass(frozen=True)
class ServeOptions:
    """All that the server of calls in progress is told."""

    out: Annotated[
        Path, Option(metavar="FOLDER", help="Where timelines are written: a CSV and JSON Lines for each call.")
    ]
    host: Annotated[
        str, Option(metavar="ADDRESS", help="Where to listen; any but this machine's loopback needs --token-file.")
    ] = "127.0.0.1"
    port: Annotated[int, Option(metavar="PORT", min=0, max=65_535, help="0 is any that is free.")] = 8765
    token_file: Annotated[
        Path | None, Option(metavar="FILE", help="Ask everybody who connects for the token that this file holds.")
    ] = None
    tls_cert: Annotated[Path | None, Option(metavar="FILE", help="Serve HTTPS with this certificate.")] = None
    tls_key: Annotated[Path | None, Option(metavar="FILE", help="The certificate's key.")] = None
    twilio_token_file: Annotated[
        Path | None, Option(metavar="FILE", help="Check Twilio's signatures with the auth token that this file holds.")
    ] = None
    audiosocket: Annotated[
        str | None, Option(metavar="[ADDRESS:]PORT", help="Also take Asterisk's AudioSocket, over TCP.")
    ] = None
    audiosocket_from: Annotated[
        list[str] | None,
        Option(
            metavar="NETWORK",
            help="Address or network that may use AudioSocket, which has no token: 10.0.0.5. Repeatable.",
        ),
    ] = None
    max_lines: Annotated[int, Option(metavar="N", min=1, max=10_000, help="Most calls at once.")] = 100
    peer: Annotated[
        list[str] | None,
        Option(metavar="URL", help="Also show the calls of the server there, which has the same token. Repeatable."),
    ] = None
    ray: Annotated[
        str | None, Option(metavar="auto|ADDRESS", help="Serve on a Ray cluster; auto starts one on this machine.")
    ] = None
    replicas: Annotated[
        int | None, Option(metavar="N", min=1, max=999, help="Processes that share the calls, with --ray; default 2.")
    ] = None
    webhook: Annotated[
        str | None, Option(metavar="URL", help="Post the turn of each alert to this address, as JSON.")
    ] = None
    webhook_secret_file: Annotated[
        Path | None, Option(metavar="FILE", help="Sign what is posted with the secret that this file holds.")
    ] = None
    scoring: ScoringOptions = ScoringOptions()
    segmentation: SegmentationOptions = SegmentationOptions()
    transcription: TranscriptionOptions = TranscriptionOptions()
    alerts: AlertOptions = AlertOptions()


Quiet = Annotated[bool, Option("--quiet", "-q", help="Show only results and errors.")]
Timeline = Annotated[
    Path,
    Argument(metavar="TIMELINE", help="CSV, JSON Lines or Parquet, as --csv, --jsonl and export write it; - is stdin."),
]
Recording = Annotated[str | None, Option(metavar="NAME", help="Which recording of a timeline with several.")]
Output = Annotated[str | None, Option("--output", "-o", metavar="FILE", help="Where to write; - is standard output.")]
