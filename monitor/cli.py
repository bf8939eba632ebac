"""The command line `stser-monitor`: what can be typed, and what happens when it goes wrong."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.exporters import ClosedPipeError
from monitor.notices import PROGRAM, complain
from stser_core.errors import StserError

_DEBUG = "--debug"
_INTERRUPTED = 130
_WRONG_USAGE = 2

# Typer's own class of wrong usage, which some versions take from click and others bring along.
_WrongUsage: Any = typer.BadParameter.__base__

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
    """Run one command.

    Every error ends here, as one sentence on standard error; `--debug` adds the traceback.

    Args:
        arguments: What follows the program's name; the process's own without them.

    Returns:
        The exit code: 0 done, 1 failed, 2 wrong usage, 128 and a signal's number when interrupted.
    """
    if arguments is not None:
        return _reported(list(arguments))
    try:
        return _reported(sys.argv[1:])
    finally:
        # All is written. What comes while the interpreter clears up would only print a traceback.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _reported(arguments: list[str]) -> int:
    debug = _DEBUG in arguments
    try:
        return _run(arguments)
    except (ClosedPipeError, BrokenPipeError):
        _forget_stdout()
        return ClosedPipeError.exit_code
    except StserError as error:
        _explain(str(error), debug)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001  the one place where what nobody foresaw becomes a sentence
        hint = "" if debug else f" Run it again with {_DEBUG} to see where, and please report it."
        _explain(f"an unforeseen fault stopped the program ({type(error).__name__}: {error}).{hint}", debug)
        return 1


def _run(arguments: list[str]) -> int:
    try:
        code = typer.main.get_command(app).main(arguments, prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except _WrongUsage as error:
        command = error.ctx.command_path if error.ctx else PROGRAM
        complain(f"{error.format_message().rstrip('.')}. Try '{command} --help'.")
        return _WRONG_USAGE
    return int(code or 0)


def _explain(sentence: str, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    complain(sentence)


def _forget_stdout() -> None:
    """Point standard output at nothing, so that the interpreter's last flush does not complain about the pipe."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
