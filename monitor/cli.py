"""The command line `stser-monitor`: what can be typed, and what happens when it goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from monitor.notices import PROGRAM
from stser_core import command_line

_DEBUG = "--debug"

app = typer.Typer(
    name=PROGRAM,
    help="Hear emotion in speech: which of angry, happy, neutral and sad is expressed, utterance by utterance.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="List the models that are present, or fetch one.", rich_markup_mode=None)
app.add_typer(models_app, name="models")


class Asr(str, Enum):
    """The speech recognisers."""

    auto = "auto"
    vosk = "vosk"
    none = "none"


class Accelerator(str, Enum):
    """Where the model runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


@app.callback(invoke_without_command=True)
def _program(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Say which version this is, and leave.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="With --version: the parts and the checkpoints, with licences.")
    ] = False,
) -> None:
    if version:
        from monitor.inventory import describe_version

        print(describe_version(verbose=verbose))
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command("replay")
def _replay(
    recording: Annotated[Path, typer.Argument(metavar="FILE", help="Any audio or video file.")],
    channels: Annotated[
        str | None,
        typer.Option(metavar="NAMES|mix", help="A name for each channel (customer,agent), or mix for all in one."),
    ] = None,
    csv: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the timeline as CSV; - is standard output.")
    ] = None,
    jsonl: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the timeline as JSON Lines; - is standard output.")
    ] = None,
    svg: Annotated[str | None, typer.Option(metavar="FILE", help="Save the last screen as a picture (SVG).")] = None,
    realtime: Annotated[bool, typer.Option("--realtime", help="Replay no faster than it was spoken.")] = False,
    score_agents: Annotated[
        bool,
        typer.Option(
            "--score-agents",
            help="Also score the channel named agent. In the EU, recognising the emotions of employees at work is "
            "prohibited (AI Act, Article 5(1)(f)), save for medical or safety reasons; elsewhere other law may "
            "apply. Without this option an agent's turns are timed and transcribed only.",
        ),
    ] = False,
    no_transcript: Annotated[
        bool, typer.Option("--no-transcript", help="Keep what was said out of every output, screen included.")
    ] = False,
    checkpoint: Annotated[
        str, typer.Option(metavar="NAME|DIR", help="The emotion model: a name, a folder or a Hub id.")
    ] = "default",
    classifier: Annotated[
        str,
        typer.Option(metavar="NAME", help="ensemble, speech, text or bimodal, or several joined by +."),
    ] = "ensemble",
    asr: Annotated[
        Asr, typer.Option(help="The speech recogniser; auto goes on without one where it cannot be had.")
    ] = Asr.auto,
    asr_model: Annotated[
        str | None, typer.Option(metavar="NAME|DIR", help="The recogniser's model; see stser-monitor models.")
    ] = None,
    accelerator: Annotated[Accelerator, typer.Option(help="Where the emotion model runs.")] = Accelerator.auto,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show results and errors only.")] = False,
    debug: Annotated[bool, typer.Option(_DEBUG, help="Show tracebacks.")] = False,
) -> None:
    """Replay a recording, and show which emotion each utterance expresses."""
    from monitor.replay import ReplayOptions, replay

    options = ReplayOptions(
        recording=recording,
        channels=channels,
        csv=csv,
        jsonl=jsonl,
        svg=svg,
        realtime=realtime,
        score_agents=score_agents,
        transcripts=not no_transcript,
        checkpoint=checkpoint,
        classifier=classifier,
        asr=asr.value,
        asr_model=asr_model,
        accelerator=accelerator.value,
        quiet=quiet,
    )
    raise typer.Exit(replay(options))


@models_app.callback(invoke_without_command=True)
def _models(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        from monitor.inventory import print_models

        print_models()


@models_app.command("fetch")
def _fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name that stser-monitor models lists.")],
    quiet: Annotated[bool, typer.Option("--quiet", help="Show errors only.")] = False,
    debug: Annotated[bool, typer.Option(_DEBUG, help="Show tracebacks.")] = False,
) -> None:
    """Fetch a model by name."""
    from monitor.inventory import fetch_model

    fetch_model(name, quiet=quiet)


@app.command("devices")
def _devices(debug: Annotated[bool, typer.Option(_DEBUG, help="Show tracebacks.")] = False) -> None:
    """List the microphones and other inputs."""
    from monitor.inventory import print_devices

    print_devices()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; see `command_line.run`."""
    return command_line.run(app, PROGRAM, arguments)
