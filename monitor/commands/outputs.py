"""Where the turns of a replay and of live monitoring go meanwhile: files, and a screen, plain lines, or nothing."""

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from pathlib import Path

from rich.console import Console

from monitor.commands.notices import Notices
from monitor.commands.terminal import Keys, suspension
from monitor.display.screen import Session, Snapshot, print_finished, running_screen
from monitor.display.summary import summary_lines
from monitor.exporters.csv import CsvLines
from monitor.exporters.exporter import Exporter, check_replaceable, name_at
from monitor.exporters.jsonl import JsonLines
from monitor.options import OutputOptions
from stser_core.errors import UsageError
from stser_core.files import STDOUT, check_not_input

_NOTICE_SHOWN_S = 15.0
_NOTICES_KEPT = 20
_LEAVE_SCREEN = b"\x1b[?1049l\x1b[?25h"


def check_outputs(output: OutputOptions, recording: Path | None = None) -> None:
    """Refuse two results in one place, also one that the date gives to a live run, or one in place of the recording.

    Raises:
        UsageError: With the place.
    """
    places: set[str | Path] = set()
    for path in output.paths:
        if recording is not None:
            check_not_input(path, recording, "the recording")
        name = path if recording is not None else name_at(path, datetime.now().astimezone())
        place = name if name == STDOUT else Path(name).resolve()
        if place in places:
            raise UsageError(f"Two outputs would go to '{path}'; give each a file of its own.")
        places.add(place)


def warn_of_silence(output: OutputOptions, notices: Notices) -> None:
    """Say that a quiet run without outputs leaves nothing."""
    if notices.quiet and not output.paths:
        notices.complain("nothing is shown or written, since --quiet is given without --csv or --jsonl.")


def open_files(
    output: OutputOptions,
    cleanup: ExitStack,
    *,
    explain: bool = False,
    overwrite: bool = False,
    live: Callable[[str], None] | None = None,
) -> list[Exporter]:
    """Check that the files of a timeline can be written, and have them closed with `cleanup`.

    Live, their paths may hold the date as `strftime` writes it, and they are continued, or with `overwrite` replaced
    with the first turn; `live` takes notices to the user. Without it, as for a replay, older ones are replaced.

    Raises:
        OutputError: One cannot be written, holds something that cannot be continued, or is not a timeline.
    """
    exporters: list[Exporter] = []
    formats = (output.csv, CsvLines(explain=explain, live=live is not None)), (output.jsonl, JsonLines(explain=explain))
    for path, lines in formats:
        if path is None:
            continue
        if live is None:
            check_replaceable(path)
        exporters.append(Exporter(path, lines, live=live, overwrite=overwrite))
        cleanup.callback(exporters[-1].close)
        if live is not None and exporters[-1].resumed.lost:
            live(f"the last line of '{path}' breaks off, and is left out.")
    return exporters


class DisplayMode(Enum):
    """The ways of showing a timeline while it is made."""

    SCREEN = auto()
    LINES = auto()
    NOTHING = auto()


def display_mode(output: OutputOptions, *, quiet: bool) -> DisplayMode:
    """Choose how to show a timeline while it is made.

    A terminal gets a screen; elsewhere each turn is a line on standard error. Where results go to
    standard output and that is the terminal, they are the view.
    """
    terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    if quiet or (terminal and STDOUT in output.paths):
        return DisplayMode.NOTHING
    return DisplayMode.SCREEN if terminal else DisplayMode.LINES


@dataclass(eq=False)
class View:
    """Shows a replay or live monitoring from entering to leaving, and its totals in the end.

    While a live screen covers the terminal, the program's sentences are shown on it, and written afterwards; keys are
    obeyed, and Ctrl-Z gives the terminal back.
    """

    mode: DisplayMode
    notices: Notices
    session: Session
    snapshot: Callable[[str], Snapshot]  # gets the last of the program's sentences
    actions: Mapping[str, Callable[[], None]] = field(default_factory=dict)  # of the keys that the session obeys

    def __post_init__(self) -> None:
        self._said: deque[tuple[float, str]] = deque(maxlen=_NOTICES_KEPT)
        self._console = Console()
        self._screen = None
        if self.mode is DisplayMode.SCREEN:
            self._screen = running_screen(self._console, self.session, lambda: self.snapshot(self._last_said()))
        self._keys = Keys(sys.stdin, self.actions) if self.session.keys else None
        self._covering = ExitStack()

    def restore(self) -> None:
        """Give the terminal back at once, from inside a signal's handler."""
        if self._screen is not None:
            os.write(sys.__stdout__.fileno() if sys.__stdout__ is not None else 1, _LEAVE_SCREEN)
        if self._keys is not None:
            self._keys.restore()

    def cover(self) -> None:
        """Show the screen, where there is one."""
        if self._keys is not None:  # first: in the background, the system stops here whoever changes the terminal
            self._keys.take()
        if self._screen is not None:
            self._screen.start(refresh=True)

    def uncover(self) -> None:
        """Give the terminal back as it was; `cover` may be called again."""
        if self._screen is not None:
            self._screen.stop()
        if self._keys is not None:
            self._keys.restore()

    def __enter__(self) -> "View":
        live = self._screen is not None and self.session.live
        if live:
            self.notices.divert(lambda sentence: self._said.append((time.monotonic(), sentence)))
        self.cover()
        if self._keys is not None:
            self._covering.enter_context(self._keys)
        if live:
            self._covering.enter_context(suspension(self.uncover, self.cover))
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._covering.close()
        self.uncover()
        snapshot = self.snapshot("")
        if self._screen is not None:
            self.notices.divert(None)
            for _, sentence in self._said:
                self.notices.say(sentence)
            print_finished(self._console, self.session, snapshot)
        elif self.mode is DisplayMode.LINES:
            totals = snapshot.timeline.totals
            if totals or error is None:  # an error before the first sound says nothing about speech
                self.notices.line(*summary_lines(totals))

    def _last_said(self) -> str:
        """The last sentence, or nothing where that is long ago. From any thread."""
        said = tuple(self._said)
        return said[-1][1] if said and time.monotonic() - said[-1][0] < _NOTICE_SHOWN_S else ""
