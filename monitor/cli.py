"""The command line `stser-monitor`: its commands and their arguments; options are declared in `monitor.options`."""

from __future__ import annotations

from collections.abc import Sequence
from os.path import exists, isdir  # Path's own raise where a name is too long
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option
from typer.core import TyperGroup

from monitor.commands.notices import PROGRAM
from monitor.options import (
    AlertOptions,
    AnalysisOptions,
    ListenOptions,
    NoTranscript,
    Output,
    OutputOptions,
    Quiet,
    ScoringOptions,
    SegmentationOptions,
    ServeOptions,
    Timeline,
    TranscriptionOptions,
)
from stser_core import command_line
from stser_core.command_line import with_groups
from stser_core.errors import UsageError


class _Commands(TyperGroup):
    """The commands; a file in the place of one gets a hint."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 (Typer's own types vary)
        name = args[0]
        if name not in self.commands and ("." in name or "/" in name or exists(name)):  # noqa: PTH110
            command = f"archive {name} --out FOLDER" if isdir(name) else f"replay {name}"  # noqa: PTH112
            raise UsageError(f"'{name}' is not a command; did you mean {PROGRAM} {command}?")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name=PROGRAM,
    cls=_Commands,
    help="Recognise emotion in speech: which of angry, happy, neutral and sad is expressed, utterance by utterance.\n\n"
    "Without a command it listens: stser-monitor --device mic. On a terminal, space or p pauses, m sets a mark, "
    "q quits. With --debug, every command shows the traceback of an error.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(help="List the models that are present, or fetch one.", rich_markup_mode=None)
app.add_typer(models_app, name="models")


@app.callback(invoke_without_command=True)
@with_groups
def _listen(
    context: typer.Context,
    options: ListenOptions,
    quiet: Quiet = False,
    version: Annotated[bool, Option("--version", help="Show the version and exit.")] = False,
) -> None:
    if version:
        from monitor.commands.inventory import version_lines

        print("\n".join(version_lines()))
        raise typer.Exit
    typed = [
        f"--{name.replace('_', '-')}"
        for name in context.params
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    ]
    if context.invoked_subcommand is not None:
        if typed:
            raise UsageError(f"{typed[0]} is for listening, or belongs after {context.invoked_subcommand}.")
        return
    if not typed:
        print(context.get_help())
        return
    from monitor.commands.live import listen

    raise typer.Exit(listen(options, quiet=quiet))


@app.command("replay")
@with_groups
def _replay(
    recordings: Annotated[
        list[Path], Argument(metavar="FILE...", help="Any audio or video files; - is standard input.")
    ],
    options: AnalysisOptions,
    output: OutputOptions,
    quiet: Quiet = False,
) -> None:
    """Replay recordings, and show which emotion each utterance expresses."""
    from monitor.commands.replay import replay

    raise typer.Exit(replay(recordings, options, output, quiet=quiet))


@app.command("archive")
@with_groups
def _archive(
    recordings: Annotated[
        str,
        Argument(
            metavar="FOLDER|LIST|-",
            help="A folder of recordings, one recording, or a list of paths, one a line (- on standard input).",
        ),
    ],
    out: Annotated[Path, Option(metavar="FOLDER", help="Where timelines and tables are written, or continued.")],
    options: AnalysisOptions,
    workers: Annotated[
        int | None, Option(metavar="N", min=1, help="Recordings scored at once; by default one for each processor.")
    ] = None,
    ray: Annotated[
        str | None, Option(metavar="auto|ADDRESS", help="Score on a Ray cluster; auto starts one on this machine.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Make timelines of many recordings, and tables of all; recordings that are done are skipped."""
    from monitor.commands.archive import archive

    raise typer.Exit(archive(recordings, out, options, workers=workers, ray=ray, quiet=quiet))


@app.command("archive-report")
def _archive_report(
    timelines: Annotated[Path, Argument(metavar="FOLDER", help="The folder that archive --out named.")],
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """Make an overview page of an archive: its days, the calls that stand out, and all calls."""
    from monitor.commands.timelines import archive_report

    archive_report(timelines, output, quiet=quiet)


@app.command("serve")
@with_groups
def _serve(
    serving: ServeOptions,
    scoring: ScoringOptions,
    segmentation: SegmentationOptions,
    transcription: TranscriptionOptions,
    alerts: AlertOptions,
    quiet: Quiet = False,
) -> None:
    """Take the media streams of calls in progress, and show all lines on one page and to other programs."""
    from monitor.commands.serve import serve

    raise typer.Exit(serve(serving, scoring, segmentation, transcription, alerts, quiet=quiet))


@app.command("export")
def _export(
    timeline: Timeline,
    to: Annotated[
        str,
        Option(
            metavar="FORMAT", help="excel, jsonl, webvtt, srt, audacity, textgrid, eaf, emotionml, rttm or parquet."
        ),
    ],
    output: Output = None,
    no_transcript: NoTranscript = False,
    quiet: Quiet = False,
) -> None:
    """Write a timeline in another program's format."""
    from monitor.commands.timelines import export

    export(timeline, to, output, transcripts=not no_transcript, quiet=quiet)


@app.command("analytics")
def _analytics(
    timeline: Timeline, output: Output = None, no_transcript: NoTranscript = False, quiet: Quiet = False
) -> None:
    """Show the figures of a call, or write them as JSON: talk time, emotions, pauses, interruptions."""
    from monitor.commands.timelines import analytics

    analytics(timeline, output, transcripts=not no_transcript, quiet=quiet)


@app.command("report")
def _report(
    timeline: Timeline,
    audio: Annotated[Path | None, Option(metavar="FILE", help="The recording, so that the page can play it.")] = None,
    track: Annotated[
        str | None, Option(metavar="N|all", help="The recording's audio track, as replay --track takes it.")
    ] = None,
    output: Output = None,
    no_transcript: NoTranscript = False,
    quiet: Quiet = False,
) -> None:
    """Make a page of a timeline that opens in any browser, with no network: to see, search and hear a call."""
    from monitor.commands.timelines import report

    report(timeline, audio, output, track=track, transcripts=not no_transcript, quiet=quiet)


@models_app.callback(invoke_without_command=True)
def _models(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        from monitor.commands.inventory import print_models

        print_models()


@models_app.command("fetch")
def _fetch(
    name: Annotated[str, Argument(metavar="NAME", help="vosk-small-en, or a Whisper size: whisper-base.")],
    quiet: Quiet = False,
) -> None:
    """Fetch a model by name."""
    from monitor.commands.inventory import fetch_model

    fetch_model(name, quiet=quiet)


@app.command("devices")
def _devices() -> None:
    """List the microphones and other inputs."""
    from monitor.commands.inventory import print_devices

    print_devices()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; see `command_line.run`."""
    return command_line.run(app, PROGRAM, arguments)
