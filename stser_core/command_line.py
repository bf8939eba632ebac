"""Both command lines: options that commands share, and where errors become a sentence and an exit code."""

import errno
import io
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_type_hints

import typer

from stser_core.errors import ClosedPipeError, StserError, UsageError

_DEBUG = "--debug"
_NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)}  # a full or failing disk
_INTERRUPTED = 130
# Control characters except for the tab, line breaks, and what changes the direction of the text.
_OBEYED = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

# Typer's own class of wrong usage, which some versions take from click and others bring along.
_WrongUsage: Any = typer.BadParameter.__base__


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Let a Typer command take dataclasses of options.

    Typer reads a command's options from its signature. Here every parameter whose type is a dataclass is replaced by
    that dataclass's fields (which may be such dataclasses): their annotations are the options, their defaults the
    options'. No two groups of a command may share a name.
    """
    hints = get_type_hints(command, include_extras=True)
    defaults = {name: parameter.default for name, parameter in signature(command).parameters.items()}
    flat = [option for name, default in defaults.items() for option in _options(name, hints[name], default)]

    @wraps(command)
    def called(**given: Any) -> None:  # noqa: ANN401 (options are of many types)
        command(**{name: _made(name, hints[name], given) for name in defaults})

    called.__signature__ = Signature(flat)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in flat}
    return called


def _options(name: str, hint: Any, default: object) -> list[Parameter]:  # noqa: ANN401 (a type)
    """The options behind a parameter or field: those of a dataclass, or itself."""
    if not is_dataclass(hint):
        default = Parameter.empty if default is MISSING else default
        return [Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=hint)]
    hints, found = get_type_hints(hint, include_extras=True), []
    for one in fields(hint):
        given = one.default if one.default_factory is MISSING else one.default_factory()
        found += _options(one.name, hints[one.name], given)
    return found


def _made(name: str, hint: Any, given: dict[str, Any]) -> object:  # noqa: ANN401
    """The value of a parameter or field, by the options that were given."""
    if not is_dataclass(hint):
        return given[name]
    hints = get_type_hints(hint, include_extras=True)
    return hint(**{one.name: _made(one.name, hints[one.name], given) for one in fields(hint)})  # type: ignore[operator]


def run(
    app: typer.Typer,
    program: str,
    arguments: Sequence[str] | None = None,
    removed: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Run one command, by default of the process's own arguments; for an option that was `removed`, say what is used.

    Every error ends here, as one sentence on standard error; `--debug`, anywhere on the line, adds the traceback.
    Returns the exit code: 0 done, 1 failed, 2 wrong usage, 128 and a signal's number when interrupted, 141 (SIGPIPE)
    where nobody reads standard output any more.
    """
    _open_standard_streams()
    for size in ("COLUMNS", "LINES"):  # 0 where whoever started this did not know them; nothing would be shown
        if os.environ.get(size, "").strip("0") == "":
            os.environ.pop(size, None)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a script that the encoding lacks must not end the program
    if arguments is not None:
        return _reported(app, program, list(arguments), removed)
    try:
        return _reported(app, program, sys.argv[1:], removed)
    finally:
        # All is written. What comes while the interpreter clears up would only print a traceback.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def tell(text: str) -> None:
    """Write a line to standard error; where that is closed or full, the line is lost, and the work goes on."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def complain(program: str, sentence: str) -> None:
    """Say a sentence on standard error, such as why a program ends, as `harmless` makes it."""
    tell(f"{program}: {harmless(sentence)}")


def harmless(sentence: str) -> str:
    """A sentence with `?` for what a terminal would obey, such as in a file's name."""
    return _OBEYED.sub("?", sentence)


def _reported(app: typer.Typer, program: str, arguments: list[str], removed: Mapping[str, str]) -> int:
    debug = _DEBUG in arguments
    arguments = [one for one in arguments if one != _DEBUG]
    try:
        code = typer.main.get_command(app).main(arguments, prog_name=program, standalone_mode=False)
        sys.stdout.flush()
        return int(code or 0)
    except (ClosedPipeError, BrokenPipeError, SystemExit):  # the last is Typer's, where nobody reads what it prints
        _forget_stdout()
        return ClosedPipeError.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    except _WrongUsage as error:
        command = error.ctx.command_path if error.ctx else program
        sentence = error.format_message().rstrip(".").replace("Value error, ", "")  # Pydantic's, which Typer uses
        option = getattr(error, "option_name", "")
        if option in removed:  # without the options that look alike
            sentence = f"There is no {option} any more; {removed[option]}"
        complain(program, f"{sentence}. Try '{command} --help'.")
        return UsageError.exit_code
    except StserError as error:
        _explain(program, str(error), debug)
        return error.exit_code
    except Exception as error:  # noqa: BLE001  the one place where what nobody foresaw becomes a sentence
        if isinstance(error, ModuleNotFoundError):
            sentence = f"The package {error.name} is not installed: pip install stser-monitor installs it."
        elif isinstance(error, OSError) and error.filename is None and error.errno in _NO_ROOM:
            _forget_stdout()
            sentence = f"Cannot write standard output: {error.strerror}."
        else:
            hint = "" if debug else f" Run it again with {_DEBUG} to see where, and please report it."
            sentence = f"an unforeseen fault stopped the program ({type(error).__name__}: {error}).{hint}"
        _explain(program, sentence, debug)
        return 1


def _explain(program: str, sentence: str, debug: bool) -> None:
    if debug:
        tell(traceback.format_exc().rstrip("\n"))
    complain(program, sentence)


def _open_standard_streams() -> None:
    """Replace streams that the program was started without (`>&-`): by empty input, output that nobody reads."""
    sys.stdin = sys.stdin or Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115  as long as the program
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        read, write = os.pipe()
        os.close(read)
        sys.stdout = os.fdopen(write, "w", encoding="utf-8")


def _forget_stdout() -> None:
    """Point standard output at nothing, so that the interpreter's last flush does not complain about the pipe."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
