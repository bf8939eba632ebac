"""The files that replay and live monitoring write turn by turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor.exporters import Exporter
from monitor.exporters.csv import CsvLines
from monitor.exporters.exporter import name_at
from monitor.exporters.jsonl import JsonLines
from monitor.options import OutputOptions
from stser_core.errors import UsageError
from stser_core.files import STDOUT


@dataclass(frozen=True)
class Files:
    """The exporters that were asked for.

    Attributes:
        exporters: Those that there are.
        last_turn: The highest number of a turn in the files that are continued.
        last_mark: The highest number of a mark in them.
    """

    exporters: tuple[Exporter, ...]
    last_turn: int = 0
    last_mark: int = 0

    def begin(self) -> None:
        """Begin them all."""
        for exporter in self.exporters:
            exporter.begin()

    def finish(self) -> None:
        """Finish them all."""
        for exporter in self.exporters:
            exporter.finish()


def open_files(output: OutputOptions, cleanup: ExitStack, *, explain: bool = False) -> Files:
    """Check that the files of a replay can be written, and have them closed with `cleanup`.

    Raises:
        OutputError: One cannot be written.
    """
    exporters: list[Exporter] = []
    for path, lines in ((output.csv, CsvLines(explain=explain)), (output.jsonl, JsonLines(explain=explain))):
        if path is not None:
            exporters.append(Exporter(path, lines))
            cleanup.callback(exporters[-1].close)
    return Files(tuple(exporters))


def open_live_files(output: OutputOptions, cleanup: ExitStack, say: Callable[[str], None], *, overwrite: bool) -> Files:
    """Check that the files of a live timeline can be written, and have them closed with `cleanup`.

    Args:
        output: Their paths, which may hold the date as `strftime` writes it.
        cleanup: Closes them.
        say: Takes notices to the user.
        overwrite: Whether they are replaced, with the first turn; else they are continued.

    Raises:
        OutputError: One cannot be written, or holds something that cannot be continued.
    """
    exporters: list[Exporter] = []
    for path, lines in ((output.csv, CsvLines(live=True)), (output.jsonl, JsonLines())):
        if path is not None:
            exporters.append(Exporter(path, lines, append=not overwrite, dated=say))
            cleanup.callback(exporters[-1].close)
            if exporters[-1].resumed.lost:
                say(f"the last line of '{path}' breaks off, and is left out.")
    return Files(
        tuple(exporters),
        last_turn=max((one.resumed.last_turn for one in exporters), default=0),
        last_mark=max((one.resumed.last_mark for one in exporters), default=0),
    )


def check_outputs(outputs: Sequence[str | None], recording: Path | None = None) -> None:
    """Refuse two results in one place, or one in place of the recording.

    Raises:
        UsageError: With the place.
    """
    given = [output for output in outputs if output is not None]
    now = datetime.now().astimezone()
    names = given if recording is not None else [name_at(output, now) for output in given]
    places = [name if name == STDOUT else str(Path(name).resolve()) for name in names]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise UsageError(f"Two outputs would go to '{given[number]}'; give each a file of its own.")
        if recording is not None and place == str(recording.resolve()):
            raise UsageError(f"The output '{given[number]}' is the recording itself; choose another file.")
