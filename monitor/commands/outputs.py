"""The files that replay and live monitoring write turn by turn."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from monitor.exporters.csv import CsvLines
from monitor.exporters.exporter import Exporter, check_replaceable, name_at
from monitor.exporters.jsonl import JsonLines
from monitor.options import OutputOptions
from stser_core.errors import UsageError
from stser_core.files import STDOUT, check_not_input


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


def check_outputs(output: OutputOptions, recording: Path | None = None) -> None:
    """Refuse two results in one place, also one that the date gives to a live run, or one in place of the recording.

    Raises:
        UsageError: With the place.
    """
    given = [path for path in (output.csv, output.jsonl) if path is not None]
    names = given
    if recording is None:
        names = [name_at(path, datetime.now().astimezone()) for path in given]
    else:
        for path in given:
            check_not_input(path, recording, "the recording")
    if len({name if name == STDOUT else Path(name).resolve() for name in names}) < len(given):
        raise UsageError(f"Two outputs would go to '{given[1]}'; give each a file of its own.")
