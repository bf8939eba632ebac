"""What replay and live listening write turn by turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from monitor.exporters import Exporter
from monitor.exporters.csv import CsvExporter
from monitor.exporters.jsonl import JsonlExporter
from monitor.options import OutputOptions
from monitor.timeline.turn import Turn
from stser_core.errors import UsageError
from stser_core.files import STDOUT


@dataclass(frozen=True)
class Files:
    """The exporters that were asked for."""

    csv: CsvExporter | None
    jsonl: JsonlExporter | None

    @property
    def exporters(self) -> tuple[Exporter, ...]:
        """Those that there are."""
        return tuple(exporter for exporter in (self.csv, self.jsonl) if exporter is not None)

    def begin(self) -> None:
        """Begin them all."""
        for exporter in self.exporters:
            exporter.begin()


def open_files(output: OutputOptions, cleanup: ExitStack, *, explain: bool = False) -> Files:
    """Check that the files can be written, and have them closed with `cleanup`.

    Raises:
        OutputError: One cannot be written.
    """
    csv = jsonl = None
    if output.csv is not None:
        csv = CsvExporter(output.csv, explain=explain)
        cleanup.callback(csv.close)
    if output.jsonl is not None:
        jsonl = JsonlExporter(output.jsonl, explain=explain)
        cleanup.callback(jsonl.close)
    return Files(csv, jsonl)


def check_outputs(outputs: Sequence[str | None], recording: Path | None = None) -> None:
    """Refuse two results in one place, or one in place of the recording.

    Raises:
        UsageError: With the place.
    """
    given = [output for output in outputs if output is not None]
    places = [output if output == STDOUT else str(Path(output).resolve()) for output in given]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise UsageError(f"Two outputs would go to '{given[number]}'; give each a file of its own.")
        if recording is not None and place == str(recording.resolve()):
            raise UsageError(f"The output '{given[number]}' is the recording itself; choose another file.")


def without_transcript(output: Callable[[Turn], None]) -> Callable[[Turn], None]:
    """The same output without transcripts."""
    return lambda turn: output(turn.without_words())
