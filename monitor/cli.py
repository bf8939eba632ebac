"""The command line `stser-monitor`: its commands and their arguments; options are declared in `monitor.options`.

Commands whose modules are light to import take their arguments themselves.
"""

from collections.abc import Sequence
from os.path import exists, isdir  # Path's own raise where a name is too long
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option
from typer.core import TyperGroup

from monitor.commands.inventory import fetch_model, print_devices, print_models, version_lines
from monitor.commands.notices import PROGRAM
from monitor.commands.timelines import analytics, archive_report, export, report
from monitor.options import AnalysisOptions, ListenOptions, OutputOptions, Quiet, ServeOptions
from stser_core import command_line
from stser_core.command_line import with_groups
from stser_core.errors import UsageError

_REMOVED = {
    "--rate": "raw sound on standard input has its rate in --device -:8000",
    "--reconnect": "listening always waits for a microphone that went away",
    "--asr-model": "--asr names the model, as in vosk:FOLDER or whisper:small",
    "--language": "--asr names the language, as in whisper:small:de",
    "--classifier": "JSON Lines hold what each classifier says",
    "--overwrite": "only listening has it; a replay replaces its older timeline",
    "--no-adaptation": "the speaker baseline is always estimated",
    "--play": f"{PROGRAM} report --audio makes a page that plays the recording",
    "--analytics": f"{PROGRAM} analytics shows the metrics of a timeline",
    "--png": "print the page with a browser",
}
"""Options that a command does not have any more, and what to use instead."""


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
        print("\n".join(version_lines()))
        raise typer.Exit
    typed = [
        f"--{name.replace('_', '-')}"
        for name in context.params
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    ]
    if context.invoked_subcommand is not None:
        if typed:
            raise UsageError(f"{typed[0]} is for listening; the options of {context.invoked_subcommand} come after it.")
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


@app.command("serve")
@with_groups
def _serve(options: ServeOptions, quiet: Quiet = False) -> None:
    """Take the media streams of calls in progress, and show all lines on one page and to other programs."""
    from monitor.commands.serve import serve

    raise typer.Exit(serve(options, quiet=quiet))


app.command("archive-report")(archive_report)
app.command("export")(export)
app.command("analytics")(analytics)
app.command("report")(report)
app.command("devices")(print_devices)
models_app.command("fetch")(fetch_model)


@models_app.callback(invoke_without_command=True)
def _models(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print_models()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; see `command_line.run`."""
    return command_line.run(app, PROGRAM, arguments, _REMOVED)
