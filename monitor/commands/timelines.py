"""The commands that read timelines: `export`, `analytics`, `report` and `archive-report`; see their help in `cli.py`.

Each raises a `UsageError` where options do not fit, a `DataError` where the timeline cannot be read or does not suit,
and an `OutputError` where the output cannot be written; an older file is then left as it was.
"""

from __future__ import annotations

import sys
from pathlib import Path

from monitor.analytics.call import analyse
from monitor.analytics.results import to_json
from monitor.archive.recordings import is_recording
from monitor.commands.notices import PROGRAM, Notices
from monitor.exporters.formats import ALIASES, FORMATS, Format
from monitor.timeline.file import TimelineFile, read_timeline
from monitor.timeline.notes import Note, read_notes
from stser_core.errors import DataError, UsageError
from stser_core.files import STDOUT, check_not_input, check_writable, write_whole

_FULL_WIDTH = 10_000
"""Cells of a line that no terminal cuts."""


def export(
    timeline: Path, to: str, output: str | None = None, *, transcripts: bool = True, quiet: bool = False
) -> None:
    """Write a timeline in another format, by default to a file beside it."""
    chosen = FORMATS.get(ALIASES.get(to.lower(), to.lower()))
    if chosen is None:
        raise UsageError(f"--to '{to}' is not a format; choose from {', '.join(FORMATS)}.")
    notices = Notices(quiet)
    file = _read(timeline, notices, transcripts=transcripts)
    target = _beside(timeline, chosen) if output is None else output
    if target == STDOUT and chosen.binary and sys.stdout.isatty():
        raise UsageError(f"{to} is not for a terminal; name a file with -o, or use a pipe.")
    check_not_input(target, timeline, "the timeline")
    recordings = {turn.recording for turn in file.turns}
    if len(recordings) > 1 and not chosen.table:
        tables = " or ".join(name for name, each in FORMATS.items() if each.table)
        raise DataError(
            f"'{timeline}' holds {len(recordings)} recordings, but {to} has the time of one; "
            f"export each by itself, or to {tables}."
        )
    marks, alerts = read_notes(file.notes)
    notes: tuple[Note, ...] = (*marks, *alerts)
    if notes and chosen.notes is None:
        said = "1 mark or alert has" if len(notes) == 1 else f"{len(notes)} marks and alerts have"
        notices.say(f"{said} no place in {to}.")
    _write(target, chosen.made(file.turns, notes), notices)


def _beside(timeline: Path, chosen: Format) -> str:
    """The file beside a timeline that a format goes to."""
    target = timeline.with_suffix(chosen.ending)
    # One that `--jsonl` may have written holds more than an export.
    if chosen.ending == ".jsonl" and target.exists() and not target.samefile(timeline):
        raise UsageError(f"'{target}' exists already; name a file with -o.")
    return str(target)


def analytics(timeline: Path, output: str | None = None, *, transcripts: bool = True, quiet: bool = False) -> None:
    """Show the figures of a call, or write them as JSON."""
    if output is not None:
        check_not_input(output, timeline, "the timeline")
    call = analyse(_read(timeline, Notices(quiet), transcripts=transcripts).turns)
    if output is not None:
        write_whole(output, to_json(call).encode())
        return
    from rich.console import Console

    from monitor.display.analytics import print_analytics

    console = Console(highlight=False, width=None if sys.stdout.isatty() else _FULL_WIDTH)
    if call.speakers:
        print_analytics(console, call)
    else:
        console.print("No speech was found.")


def report(
    timeline: Path,
    audio: Path | None = None,
    output: str | None = None,
    *,
    track: str | None = None,
    transcripts: bool = True,
    quiet: bool = False,
) -> None:
    """Make the page of a call, by default beside its timeline; with `audio`, the recording becomes part of it.

    Raises:
        AudioError: The recording cannot be decoded, or is shorter than the timeline.
    """
    from monitor.report.content import make_report
    from monitor.report.page import render

    notices = Notices(quiet)
    file = _read(timeline, notices, transcripts=transcripts)
    page = str(timeline.with_suffix(".html")) if output is None else output
    for source in (timeline, audio):
        if source is not None and page != STDOUT and Path(page).resolve() == source.resolve():
            raise UsageError(f"The output '{page}' is one of the inputs; choose another file.")
    check_writable(page)
    sound = None
    if audio is not None:
        from monitor.pipeline.opening import track_choice
        from monitor.report.sound import encode

        sound = encode(audio, track_choice(track))
    content = make_report(file.turns, file.notes, timeline.name, sound=sound, transcripts=transcripts)
    _write(page, render(content), notices)


def archive_report(root: Path, output: str | None, *, quiet: bool) -> None:
    """Make an archive's overview page, by default `overview.html` in it.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    from monitor.archive.folder import OVERVIEW, SETTINGS
    from monitor.archive.overview import make_overview, render_overview
    from monitor.archive.tables import require_parquet

    require_parquet()
    target = str(root / OVERVIEW) if output is None else output
    check_not_input(target, root / SETTINGS, "the archive's settings")
    overview = make_overview(root, Path.cwd() if target == STDOUT else Path(target).resolve().parent)
    check_writable(target)
    _write(target, render_overview(overview), Notices(quiet))


def _read(timeline: Path, notices: Notices, *, transcripts: bool) -> TimelineFile:
    """Read a timeline, with what was said or without."""
    if is_recording(timeline):
        csv = timeline.with_suffix(".timeline.csv" if timeline.suffix == ".csv" else ".csv").name
        raise UsageError(
            f"'{timeline}' is a recording, not a timeline; {PROGRAM} replay {timeline} --csv {csv} makes one."
        )
    file = read_timeline(timeline)
    for notice in file.notices:
        notices.say(notice)
    return file if transcripts else file.without_words()


def _write(target: str, content: bytes, notices: Notices) -> None:
    write_whole(target, content)
    if target != STDOUT:
        notices.say(f"Wrote '{target}'.")
