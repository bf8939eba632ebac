"""The one place where errors become a sentence and an exit code, for both commands."""

from __future__ import annotations

import errno
import io
import os
import re
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

from stser_core.errors import ClosedPipeError, StserError

_DEBUG = "--debug"
_NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""Error numbers of standard output on a disk that is full, or fails."""
_INTERRUPTED = 130
_WRONG_USAGE = 2
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

# Typer's own class of wrong usage, which some versions take from click and others bring along.
_WrongUsage: Any = typer.BadParameter.__base__


def run(app: typer.Typer, program: str, arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Every error ends here, as one sentence on standard error; `--debug`, anywhere on the line, adds the traceback.

    Args:
        app: The command line.
        program: Its name.
        arguments: What follows the program's name; the process's own without them.

    Returns:
        The exit code: 0 done, 1 failed, 2 wrong usage, 128 and a signal's number when interrupted, 141 (SIGPIPE) where
        nobody reads standard output any more.
    """
    _open_standard_streams()
    for size in ("COLUMNS", "LINES"):  # 0 where whoever started this did not know them; nothing would be shown
        if os.environ.get(size, "").strip("0") == "":
            os.environ.pop(size, None)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a script that the encoding lacks must not end the program
    if arguments is not None:
        return _reported(app, program, list(arguments))
    try:
        return _reported(app, program, sys.argv[1:])
    finally:
        # All is written. What comes while the interpreter clears up would only print a traceback.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def tell(text: str) -> None:
    """Write a line to standard error; where that is closed or full, the line is lost, and the work goes on."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def complain(program: str, sentence: str) -> None:
    """Say on standard error why a program ends; what a terminal would obey, such as in a file's name, becomes `?`."""
    tell(f"{program}: {_OBEYED.sub('?', sentence)}")


def _reported(app: typer.Typer, program: str, arguments: list[str]) -> int:
    debug = _DEBUG in arguments
    try:
        return _run(app, program, [one for one in arguments if one != _DEBUG])
    except (ClosedPipeError, BrokenPipeError):
        _forget_stdout()
        return ClosedPipeError.exit_code
    except StserError as error:
        _explain(program, str(error), debug)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except ModuleNotFoundError as error:
        _explain(program, f"The package {error.name} is not installed: pip install stser-monitor installs it.", debug)
        return 1
    except Exception as error:  # noqa: BLE001  the one place where what nobody foresaw becomes a sentence
        if isinstance(error, OSError) and error.filename is None and error.errno in _NO_ROOM:
            _forget_stdout()
            sentence = f"Cannot write standard output: {error.strerror}."
        else:
            hint = "" if debug else f" Run it again with {_DEBUG} to see where, and please report it."
            sentence = f"an unforeseen fault stopped the program ({type(error).__name__}: {error}).{hint}"
        _explain(program, sentence, debug)
        return 1


def _run(app: typer.Typer, program: str, arguments: list[str]) -> int:
    try:
        code = typer.main.get_command(app).main(arguments, prog_name=program, standalone_mode=False)
        sys.stdout.flush()
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except SystemExit as error:  # Typer's way, where nobody reads what a command prints
        raise ClosedPipeError("Nobody reads standard output any more.") from error
    except _WrongUsage as error:
        command = error.ctx.command_path if error.ctx else program
        sentence = error.format_message().rstrip(".").replace("Value error, ", "")  # Pydantic's, which Typer uses
        complain(program, f"{sentence}. Try '{command} --help'.")
        return _WRONG_USAGE
    return int(code or 0)


def _explain(program: str, sentence: str, debug: bool) -> None:
    if debug:
        tell(traceback.format_exc().rstrip("\n"))
    complain(program, sentence)


def _open_standard_streams() -> None:
    """Give a program that was started without some of its standard streams (`>&-`) ones that are at their end.

    Standard input is empty, nobody reads standard output, and what standard error is told is lost.
    """
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115  as long as the program
    if sys.stdout is None:
        read, write = os.pipe()
        os.close(read)
        sys.stdout = os.fdopen(write, "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115


def _forget_stdout() -> None:
    """Point standard output at nothing, so that the interpreter's last flush does not complain about the pipe."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
