"""The command line `stser-monitor`: what can be typed, and what happens when it goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from monitor.commands.notices import PROGRAM
from monitor.commands.options import (
    CsvOption,
    DebugOption,
    Hearing,
    JsonlOption,
    Listening,
    NoTranscriptOption,
    OutputOption,
    QuietOption,
    SpeakersOption,
    TimelineArgument,
)
from stser_core import command_line
from stser_core.errors import UsageError
from stser_core.option_groups import with_groups

_NOT_LISTENING = {"version", "verbose"}

app = typer.Typer(
    name=PROGRAM,
    help="Hear emotion in speech: which of angry, happy, neutral and sad is expressed, utterance by utterance.\n\n"
    "Without a command it listens: stser-monitor --device mic. On a terminal, space or p pauses, m sets a mark, "
    "q quits.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="List the models that are present, or fetch one.", rich_markup_mode=None)
app.add_typer(models_app, name="models")


@app.callback(invoke_without_command=True)
@with_groups
def _listen(
    context: typer.Context,
    listening: Listening,
    hearing: Hearing,
    csv: CsvOption = None,
    jsonl: JsonlOption = None,
    debug: DebugOption = False,
    version: Annotated[bool, typer.Option("--version", help="Say which version this is, and leave.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="With --version: the parts and the checkpoints, with licences.")
    ] = False,
) -> None:
    if version:
        from monitor.commands.inventory import describe_version

        print(describe_version(verbose=verbose))
        raise typer.Exit
    typed = _typed(context)
    if context.invoked_subcommand is not None:
        if typed:
            raise UsageError(f"{typed[0]} is for listening, or belongs behind {context.invoked_subcommand}.")
        return
    if not typed:
        print(context.get_help())
        return
    if listening.device is None:
        raise UsageError("What to listen to is missing; --device mic is the default microphone.")
    from monitor.commands.live import LiveOptions, listen

    options = LiveOptions(
        device=listening.device,
        analysis=hearing.analysis(csv, jsonl),
        rate=listening.rate,
        channels_in=listening.channels_in,
        reconnect=listening.reconnect,
        alerts=tuple(listening.alert or ()),
        on_alert=listening.on_alert,
        timings=listening.timings,
    )
    raise typer.Exit(listen(options))


@app.command("replay")
@with_groups
def _replay(
    recording: Annotated[Path, typer.Argument(metavar="FILE", help="Any audio or video file.")],
    hearing: Hearing,
    csv: CsvOption = None,
    jsonl: JsonlOption = None,
    svg: Annotated[str | None, typer.Option(metavar="FILE", help="Save the last screen as a picture (SVG).")] = None,
    analytics: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the figures of the call as JSON; - is standard output.")
    ] = None,
    realtime: Annotated[bool, typer.Option("--realtime", help="Replay no faster than it was spoken.")] = False,
    speakers: SpeakersOption = None,
    debug: DebugOption = False,
) -> None:
    """Replay a recording, and show which emotion each utterance expresses."""
    from monitor.commands.replay import ReplayOptions, replay

    options = ReplayOptions(
        recording=recording,
        analysis=hearing.analysis(csv, jsonl),
        svg=svg,
        analytics=analytics,
        realtime=realtime,
        speakers=speakers,
    )
    raise typer.Exit(replay(options))


def _typed(context: typer.Context) -> list[str]:
    """The options for listening that stand on the command line."""
    return [
        f"--{name.replace('_', '-')}"
        for name in context.params
        if name not in _NOT_LISTENING and getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    ]


@app.command("export")
def _export(
    timeline: TimelineArgument,
    to: Annotated[
        str,
        typer.Option(metavar="FORMAT", help="jsonl, webvtt, srt, audacity, textgrid, eaf, emotionml, rttm or parquet."),
    ],
    output: OutputOption = None,
    no_transcript: NoTranscriptOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Write a timeline in another program's format."""
    from monitor.commands.export import export

    export(timeline, to, output, transcripts=not no_transcript, quiet=quiet)


@app.command("analytics")
def _analytics(
    timeline: TimelineArgument,
    output: OutputOption = None,
    no_transcript: NoTranscriptOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Show the figures of a call, or write them as JSON: who spoke how, and where it went wrong."""
    from monitor.commands.analytics import analytics

    analytics(timeline, output, transcripts=not no_transcript, quiet=quiet)


@app.command("archive")
@with_groups
def _archive(
    *,
    recordings: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|LIST|-", help="A folder of recordings; or a list of paths, one a line, - is standard input."
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the timelines and datasets go, and are taken up again.")
    ],
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="How many recordings are heard at once; without it, one for each processor. "
            "With --asr none each takes 0.6 GB.",
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="auto|ADDRESS", help="Let workers of a Ray cluster do it; auto starts one on this machine."
        ),
    ] = None,
    hearing: Hearing,
    speakers: SpeakersOption = None,
    debug: DebugOption = False,
) -> None:
    """Make timelines of many recordings, and datasets of all; what is done already is not done again."""
    from monitor.commands.archive import ArchiveOptions, archive

    options = ArchiveOptions(recordings, out, hearing.analysis(), workers=workers, ray=ray, speakers=speakers)
    raise typer.Exit(archive(options))


@app.command("archive-report")
def _archive_report(
    timelines: Annotated[Path, typer.Argument(metavar="FOLDER", help="What archive --out named.")],
    output: OutputOption = None,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Make an overview page of an archive: its days, the calls that stand out, and all calls."""
    from monitor.commands.archive_report import archive_report

    archive_report(timelines, output, quiet=quiet)


@app.command("report")
def _report(
    timeline: TimelineArgument,
    audio: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The recording, so that the page can play it.")
    ] = None,
    output: OutputOption = None,
    png: Annotated[
        str | None, typer.Option(metavar="FILE", help="Also draw lanes and curves as a picture for a slide (PNG).")
    ] = None,
    no_audio: Annotated[
        bool, typer.Option("--no-audio", help="Take the recording's length from --audio, but keep its sound out.")
    ] = False,
    no_transcript: NoTranscriptOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Make a page of a timeline that opens in any browser, with no network: to see, search and hear a call."""
    from monitor.commands.report import ReportOptions, report

    report(ReportOptions(timeline, audio, output, png, not no_audio, not no_transcript, quiet))


@models_app.callback(invoke_without_command=True)
def _models(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        from monitor.commands.inventory import print_models

        print_models()


@models_app.command("fetch")
def _fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="vosk-small-en, or whisper- and a size: whisper-base.")],
    quiet: Annotated[bool, typer.Option("--quiet", help="Show errors only.")] = False,
    debug: DebugOption = False,
) -> None:
    """Fetch a model by name."""
    from monitor.commands.inventory import fetch_model

    fetch_model(name, quiet=quiet)


@app.command("devices")
def _devices(debug: DebugOption = False) -> None:
    """List the microphones and other inputs."""
    from monitor.commands.inventory import print_devices

    print_devices()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; see `command_line.run`."""
    return command_line.run(app, PROGRAM, arguments)
