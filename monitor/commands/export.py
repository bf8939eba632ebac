"""`stser-monitor export`: a timeline in another program's format."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path

from monitor.commands.notices import Notices
from monitor.exporters.formats import FORMATS, Format
from monitor.timeline.file import read_timeline
from monitor.timeline.notes import Alert, Mark, read_notes
from monitor.timeline.turn import Turn
from stser_core.errors import DataError, UsageError
from stser_core.files import STDOUT, check_not_input, write_whole


def export(
    timeline: Path, to: str, output: str | None = None, *, transcripts: bool = True, quiet: bool = False
) -> None:
    """Read a timeline and write it in another format.

    Args:
        timeline: CSV or JSON Lines, as `--csv` and `--jsonl` write it.
        to: The format's name.
        output: Where to write; `-` is standard output. By default a file beside the timeline, with the format's
            ending.
        transcripts: Whether words are written.
        quiet: Whether to say nothing but errors.

    Raises:
        UsageError: There is no such format, or the output is the timeline itself or, where none was named, there.
        DataError: The timeline cannot be read or does not suit the format.
        OutputError: The output cannot be written; an older file is then left as it was.
        MissingExtraError: The format needs a library that is not installed.
    """
    if to not in FORMATS:
        raise UsageError(f"--to '{to}' is no format; choose one of {', '.join(FORMATS)}.")
    chosen = FORMATS[to]
    file = read_timeline(timeline)
    target = _default(timeline, to) if output is None else output
    _check_target(target, timeline, chosen)
    notices = Notices(quiet)
    for notice in file.notices:
        notices.say(notice)
    _check_recordings(file.turns, timeline, to)
    marks, alerts = read_notes(file.notes)
    rows = file.turns if transcripts else tuple(row.without_words() for row in file.turns)
    stream = io.BytesIO()
    chosen.write(rows, stream)
    if chosen.write_notes is not None:
        chosen.write_notes((*marks, *alerts), stream)
    elif marks or alerts:
        notices.say(f"{_counted(marks, alerts)} no place in {to}.")
    write_whole(target, stream.getvalue())
    if target != STDOUT:
        notices.say(f"Wrote '{target}'.")


def _counted(marks: Sequence[Mark], alerts: Sequence[Alert]) -> str:
    total = len(marks) + len(alerts)
    return "1 mark or alert has" if total == 1 else f"{total} marks and alerts have"


def _default(timeline: Path, to: str) -> str:
    """A file beside the timeline; but for one that `--jsonl` may have written, which holds more than an export."""
    target = timeline.with_suffix(FORMATS[to].ending)
    if to == "jsonl" and target.exists() and not target.samefile(timeline):
        raise UsageError(f"There is a '{target}' already; name a file with -o.")
    return str(target)


def _check_target(target: str, timeline: Path, chosen: Format) -> None:
    if target == STDOUT and chosen.binary and sys.stdout.isatty():
        raise UsageError("This format is nothing for a terminal; give a file with -o, or a pipe.")
    check_not_input(target, timeline, "the timeline")


def _check_recordings(rows: Sequence[Turn], timeline: Path, to: str) -> None:
    recordings = {row.recording for row in rows}
    if len(recordings) > 1 and not FORMATS[to].table:
        tables = " or ".join(name for name, each in FORMATS.items() if each.table)
        raise DataError(
            f"'{timeline}' holds {len(recordings)} recordings, but {to} lays turns along the time of one; "
            f"export each by itself, or to {tables}."
        )
